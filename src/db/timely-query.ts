import type { Connection, FieldPacket, QueryResult } from 'mysql2/promise';

const ANSWER_MS = 10_000;

/**
 * Runs a statement that should be done in no time, and fails otherwise: a silent server must not hold up a start
 * forever. Not for changes of tables, which may take as long as they need.
 */
export function askInTime<T extends QueryResult>(
  connection: Connection,
  statement: { sql: string; values?: unknown[]; rowsAsArray?: boolean },
  answerMs = ANSWER_MS,
): Promise<[T, FieldPacket[]]> {
  return connection.query<T>({ ...statement, timeout: answerMs });
}
