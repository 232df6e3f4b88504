import type { Config } from '../config.ts';
import type { AccessTokens } from '../crypto/access-token.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { PasswordHasher } from '../crypto/password.ts';
import type { Db } from '../db/client.ts';
import type { Logger } from '../logger.ts';
import type { HitCounter } from '../records/rate-limit-hit.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Afterwards } from './steps/afterwards.ts';
import type { AttemptGate } from './steps/attempt-gate.ts';
import type { Figures } from './steps/figures.ts';
import type { SessionBatches } from './steps/session-batches.ts';

/** Everything that flows work with. services.ts builds it once; tests replace parts of it. */
export interface Deps {
  readonly db: Db;
  readonly config: Config;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly isCommonPassword: (password: string) => boolean;
  readonly accessTokens: AccessTokens;
  readonly sessionBatches: SessionBatches;
  readonly attemptGate: AttemptGate;
  readonly afterwards: Afterwards;
  readonly figures: Figures;
  readonly hitCounter: HitCounter;
  /** Absent when nobody reads metrics. */
  readonly metrics: Metrics | undefined;
  readonly logger: Logger;
  /** The service's clock; nothing else tells the time. */
  readonly now: () => Date;
}
