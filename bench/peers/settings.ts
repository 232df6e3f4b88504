/** What a peer is told by the benchmark, in its environment. */
export interface PeerSettings {
  databaseUrl: string;
  databaseConnections: number;
  /** Accounts to read, by their ids in hexadecimal. */
  accountIds: readonly string[];
  /** How many accounts there are. */
  accounts: number;
  password: string;
  passwordHash: string;
  argon2: { memoryCost: number; timeCost: number; parallelism: number };
  hashConcurrency: number;
}

const VARIABLE = 'PEER_SETTINGS';

/** The settings as environment variables. */
export function peerEnvironment(settings: PeerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

export function readPeerSettings(): PeerSettings {
  return JSON.parse(process.env[VARIABLE] ?? '{}');
}
