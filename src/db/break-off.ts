import type { Socket } from 'node:net';

/** A connection of the driver, from either its promise or its callback interface. */
interface Breakable {
  destroy(): void;
}

/**
 * Closes a connection and its socket at once. The driver's own `destroy` waits until the other end closes too. A server
 * that fell silent never does: the socket would stay open and keep a finished process from exiting.
 */
export function breakOff(connection: Breakable): void {
  connection.destroy();
  socketOf(connection)?.destroy();
}

/** The socket under a connection, which the driver does not expose. */
export function socketOf(connection: Breakable): Socket | undefined {
  type Inside = { readonly stream?: Socket; readonly connection?: { readonly stream?: Socket } };
  const inside = connection as Breakable & Inside;
  return inside.stream ?? inside.connection?.stream;
}
