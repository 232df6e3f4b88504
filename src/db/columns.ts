import { customType } from 'drizzle-orm/mysql-core';
import { validate as isUuid } from 'uuid';
import type { Json } from '../json.ts';

/** A UUID: a string in the service, BINARY(16) in the database, which takes half the index space of a CHAR(36). */
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
 * Text compared byte for byte. The usual collations treat "é" and "e", or "ß" and "ss", as equal; under a unique index
 * or in a login lookup, that would merge two people into one.
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
  // most accounts have none, which spares a call of JSON.parse
  fromDriver: (value) => (value === '{}' ? {} : JSON.parse(value)),
});

/** @throws {TypeError} for anything but a UUID, so that it never reaches the database */
function bytesOf(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new TypeError('Invalid UUID');
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** The package would validate each byte. UUIDs from the database need no validation, and every row has some. */
function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
