export interface MariadbBinaries {
  /** The server, `mariadbd`. */
  server: string;
  /** The server's folder of error messages, character sets and system table scripts. */
  share: string;
  /** The LD_LIBRARY_PATH that the server needs if it was unpacked rather than installed. */
  libraryPath: string | null;
}

export const UNPACKED_MARIADB: string;
export function findMariadb(): MariadbBinaries | null;
export function unpackedMariadb(root: string): MariadbBinaries | null;
export function systemTables(share: string): string[];
