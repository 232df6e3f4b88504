import { customType } from 'drizzle-orm/mysql-core';
import { validate as isUuid } from 'uuid';
import type { Json } from '../json.ts';

/** A UUID, a string in the service and BINARY(16) in the database: half the index of a CHAR(36). */
export const uuid = customType<{ data: string; driverData: Buffer }>({
  dataType: () => 'binary(16)',
  toDriver: bytesOf,
  fromDriver: uuidOf,
});

/** Bytes of a fixed length, such as a digest. */
export const bytes = customType<{
  data: Buffer;
  driverData: Buffer;
  config: { length: number };
  configRequired: true;
}>({
  dataType: (config) => `binary(${config.length})`,
});

/** Bytes of a varying length, such as a ciphertext. */
export const varbytes = customType<{
  data: Buffer;
  driverData: Buffer;
  config: { length: number };
  configRequired: true;
}>({
  dataType: (config) => `varbinary(${config.length})`,
});

/**
 * Text compared byte for byte. The usual collations hold "é" and "e", or "ß" and "ss", for equal,
 * which under a unique index or a login lookup makes two people one.
 */
export const exactText = customType<{
  data: string;
  driverData: string;
  config: { length: number };
  configRequired: true;
}>({
  dataType: (config) => `varchar(${config.length}) character set utf8mb4 collate utf8mb4_bin`,
});

/** JSON kept as text: MariaDB has no JSON type of its own and answers a JSON column with a string. */
export const jsonText = customType<{ data: Json; driverData: string }>({
  dataType: () => 'mediumtext',
  toDriver: (value) => JSON.stringify(value),
  // most accounts have none: one parser call less for each of them
  fromDriver: (value) => (value === '{}' ? {} : JSON.parse(value)),
});

/** @throws {TypeError} for what is no UUID, which the database must never be asked for */
function bytesOf(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new TypeError('Invalid UUID');
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** The package checks each byte that it writes down; what the database gives needs no check, and every row has ids. */
function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
