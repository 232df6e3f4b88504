import type { DatabaseWatch } from '../db/connection-taking.ts';
import { failureClass } from '../db/failure.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from './metrics.ts';
import type { Tracer } from './tracing.ts';

/** Who wants to know what is asked of the database. */
export interface DatabaseWatchers {
  readonly metrics: Metrics | undefined;
  readonly tracer: Tracer | undefined;
  /** Where the text of each statement is written. */
  readonly echo: Logger | undefined;
}

type Ended = (failure: Error | null) => void;

/** Makes what looks on where statements run; nothing, when nobody wants to know. */
export function watchDatabase({
  metrics,
  tracer,
  echo,
}: DatabaseWatchers): DatabaseWatch | undefined {
  if (metrics === undefined && tracer === undefined && echo === undefined) return undefined;
  return {
    acquiring() {
      const startedAt = performance.now();
      return (failure) => {
        if (failure === null) metrics?.connectionAcquired((performance.now() - startedAt) / 1000);
        else metrics?.databaseFailed(failureClass(failure));
      };
    },
    statement(text) {
      echo?.info({ sql: text }, 'statement');
      const span: Ended | undefined = tracer?.begin(nameOf(text), { 'db.query.text': text });
      const startedAt = performance.now();
      return (failure) => {
        span?.(failure);
        if (failure !== null) metrics?.databaseFailed(failureClass(failure));
        else metrics?.statementRun((performance.now() - startedAt) / 1000);
      };
    },
  };
}

/** The verb of a statement. */
function nameOf(text: string): string {
  return /^\s*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? 'statement';
}
