import type { Socket } from 'node:net';

/** A connection of the driver, by either of its interfaces. */
interface Breakable {
  destroy(): void;
}

/**
 * Ends a connection and its socket. The driver's own `destroy` waits until the other end hangs up too, which one that fell
 * silent never does: the socket would stay open, and keep a process that is done from ending.
 */
export function breakOff(connection: Breakable): void {
  connection.destroy();
  socketOf(connection)?.destroy();
}

/** The socket under a connection, which the driver shows nobody. */
export function socketOf(connection: Breakable): Socket | undefined {
  type Inside = { readonly stream?: Socket; readonly connection?: { readonly stream?: Socket } };
  const inside = connection as Breakable & Inside;
  return inside.stream ?? inside.connection?.stream;
}
