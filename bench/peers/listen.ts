import { createServer, type RequestListener } from 'node:http';

/** Listens on the port that the benchmark chose. */
export function listen(listener: RequestListener): void {
  createServer(listener).listen(Number(process.env.PORT), '127.0.0.1');
}
