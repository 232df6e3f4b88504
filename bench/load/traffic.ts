import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Load, LoadResult, Workload } from './workload.ts';

/** A process that generates load. */
export interface LoadClient {
  put(load: Load): Promise<LoadResult>;
  stop(): void;
}

/** A workload with the state that outlives a measurement: the last number used, and each connection's newest token. */
export interface Traffic {
  run(client: LoadClient, seconds: number): Promise<LoadResult>;
}

const CLIENT = fileURLToPath(new URL('client.ts', import.meta.url));

/** Starts a load client in a process of its own, so that it shares its event loop with nothing else. */
export function startLoadClient(): LoadClient {
  const child = fork(CLIENT, { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
  return {
    async put(load) {
      child.send(load);
      return resultOf(child);
    },
    stop: () => void child.kill(),
  };
}

function resultOf(child: ChildProcess): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('The load client has ended.'));
    child.once('exit', onExit);
    child.once('message', (message: { result: LoadResult } | { failure: string }) => {
      child.off('exit', onExit);
      if ('result' in message) resolve(message.result);
      else reject(new Error(message.failure));
    });
  });
}

/**
 * Turns a workload into traffic.
 *
 * @param options.tokens each connection's first token, if the workload uses tokens
 * @param options.rate requests a second; by default, as many as the server answers
 */
export function createTraffic(
  workload: Workload,
  options: { connections: number; tokens?: readonly string[]; rate?: number },
): Traffic {
  let tokens = options.tokens ?? Array<string>(options.connections).fill('');
  let lastNumber = 0;
  return {
    async run(client, seconds) {
      const rate = options.rate === undefined ? {} : { rate: options.rate };
      const result = await client.put({ workload, seconds, lastNumber, tokens, ...rate });
      ({ tokens, lastNumber } = result);
      return result;
    },
  };
}
