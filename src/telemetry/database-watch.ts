import type { DatabaseWatch } from '../db/connection-taking.ts';
import { failureClass } from '../db/failure.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from './metrics.ts';
import type { Tracer } from './tracing.ts';

/** The observers of database statements; each is optional. */
export interface DatabaseWatchers {
  readonly metrics: Metrics | undefined;
  readonly tracer: Tracer | undefined;
  /** Logs the text of each statement. */
  readonly echo: Logger | undefined;
}

type Ended = (failure: Error | null) => void;

/** Makes the observer that runs around every statement; undefined when nothing is to be observed. */
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

/** The statement's verb, such as `select`. */
function nameOf(text: string): string {
  return /^\s*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? 'statement';
}
