import type { Connection, FieldPacket, QueryResult } from 'mysql2/promise';

const ANSWER_MS = 10_000;

/**
 * Runs a statement that is done in no time, or fails: a server that fell silent must not hold a start up for good. A change
 * of tables takes as long as it takes, and is not asked for in this way.
 */
export function askInTime<T extends QueryResult>(
  connection: Connection,
  statement: { sql: string; values?: unknown[]; rowsAsArray?: boolean },
  answerMs = ANSWER_MS,
): Promise<[T, FieldPacket[]]> {
  return connection.query<T>({ ...statement, timeout: answerMs });
}
