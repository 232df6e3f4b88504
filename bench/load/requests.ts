import type { Load, Workload } from './workload.ts';

/** Creates the requests of a load, as bytes to send. */
export interface Requests {
  next(connection: number): Buffer;
  /** Accepts an answer. @throws if it is not the expected one */
  take(connection: number, answer: string): void;
  readonly lastNumber: number;
  readonly tokens: readonly string[];
}

/** Builds constant requests only once, and otherwise only the parts that change. */
export function createRequests(load: Load): Requests {
  const { workload } = load;
  const tokens = [...load.tokens];
  const template = templateOf(workload);
  const isConstant = workload.tokenAfter === undefined && !usesNumbers(template);
  const constant = isConstant ? tokens.map((token) => fill(template, 0, token)) : [];
  const { numbers = Number.MAX_SAFE_INTEGER, step = 1 } = workload;
  let number = load.lastNumber;

  return {
    next(connection) {
      const built = constant[connection];
      if (built !== undefined) return built;
      number = (number + step) % numbers;
      return fill(template, number, tokens[connection] ?? '');
    },
    take(connection, answer) {
      if (!answer.startsWith('HTTP/1.1 200') || !answer.includes(workload.expect)) {
        throw new Error(`${workload.url} gave a wrong answer:\n${answer.slice(0, 2000)}`);
      }
      if (workload.tokenAfter !== undefined) {
        tokens[connection] = tokenOf(answer, workload.tokenAfter);
      }
    },
    get lastNumber() {
      return number;
    },
    tokens,
  };
}

interface Template {
  head: string;
  body: string | undefined;
}

function templateOf({ url, headers, body }: Workload): Template {
  const { host, pathname } = new URL(url);
  const lines = [
    `${body === undefined ? 'GET' : 'POST'} ${pathname} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : ['content-type: application/json', 'content-length: ']),
  ];
  return { head: lines.join('\r\n'), body };
}

function usesNumbers({ head, body }: Template): boolean {
  return head.includes('{n}') || body?.includes('{n}') === true;
}

function fill({ head, body }: Template, number: number, token: string): Buffer {
  const filled = (text: string) => text.replace('{n}', String(number)).replace('{token}', token);
  if (body === undefined) return Buffer.from(`${filled(head)}\r\n\r\n`);
  const content = filled(body);
  return Buffer.from(`${filled(head)}${Buffer.byteLength(content)}\r\n\r\n${content}`);
}

function tokenOf(answer: string, before: string): string {
  const start = answer.indexOf(before) + before.length;
  return answer.slice(start, answer.indexOf('"', start));
}
