import { createServer, type RequestListener } from 'node:http';

/** Serves what the benchmark has started, on the port that it chose. */
export function listen(listener: RequestListener): void {
  createServer(listener).listen(Number(process.env.PORT), '127.0.0.1');
}
