import { parse as parseUuid, stringify as stringifyUuid } from 'uuid';
import { RequestError } from '../errors.ts';
import { builder } from './builder.ts';

const STANDARD_PAGE = 20;
const LARGEST_PAGE = 100;

type Types = (typeof builder)['$inferSchemaTypes'];

/** A page of a list, with what it takes to count the whole of it. */
export interface Page<Node> {
  nodes: Node[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  count?: () => Promise<number>;
}

interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

const PageInfoObject = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Where a page is in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether more follow.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
      description: 'Whether any come before.',
    }),
    startCursor: t.exposeString('startCursor', {
      nullable: true,
      description: 'The cursor of the first on this page.',
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'The cursor of the last on this page, for `after`.',
    }),
  }),
});

/** The Relay connection of a node type, and its edge. */
export function connectionObject<Node extends { id: string }>(
  node: PothosSchemaTypes.ObjectRef<Types, Node, Node>,
  name: string,
) {
  // what is common to all nodes is all that a connection knows of them
  const nodeObject = node as unknown as PothosSchemaTypes.ObjectRef<Types, { id: string }>;
  const edge = builder.objectRef<{ id: string }>(`${name}Edge`);
  edge.implement({
    description: `A place in a list of ${name} objects.`,
    fields: (t) => ({
      node: t.field({ type: nodeObject, description: 'What is there.', resolve: (item) => item }),
      cursor: t.string({
        description: 'What `after` takes to go on from here.',
        resolve: (item) => cursorOf(item.id),
      }),
    }),
  });
  const connection = builder.objectRef<Page<Node>>(`${name}Connection`);
  connection.implement({
    description: `A page of ${name} objects, the newest first.`,
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: 'What is on this page.',
        resolve: (page): { id: string }[] => page.nodes,
      }),
      pageInfo: t.field({
        type: PageInfoObject,
        description: 'Where this page is in the list.',
        resolve: pageInfoOf,
      }),
    }),
  });
  return connection;
}

function pageInfoOf({ nodes, hasNextPage, hasPreviousPage }: Page<{ id: string }>): PageInfo {
  const [first] = nodes;
  const last = nodes.at(-1);
  return {
    hasNextPage,
    hasPreviousPage,
    startCursor: first === undefined ? null : cursorOf(first.id),
    endCursor: last === undefined ? null : cursorOf(last.id),
  };
}

/** The arguments of a connection, read. @throws {RequestError} BAD_USER_INPUT */
export interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
}

/**
 * Reads one page by keyset, which costs the same wherever in the list it is.
 *
 * @param list gives at the most `limit` nodes after the one with the id `after`
 * @throws {RequestError} BAD_USER_INPUT when `first` or `after` is out of range
 */
export async function readPage<Node extends { id: string }>(
  { first, after }: PageArguments,
  list: (page: { limit: number; after: string | null }) => Promise<Node[]>,
): Promise<Page<Node>> {
  const size = first ?? STANDARD_PAGE;
  if (size < 1 || size > LARGEST_PAGE) {
    const message = `"first" must be between 1 and ${LARGEST_PAGE}.`;
    throw new RequestError('BAD_USER_INPUT', { message });
  }
  // one more than asked for tells whether there are more
  const nodes = await list({ limit: size + 1, after: after == null ? null : idOf(after) });
  return {
    nodes: nodes.slice(0, size),
    hasNextPage: nodes.length > size,
    hasPreviousPage: after != null,
  };
}

function cursorOf(id: string): string {
  return Buffer.from(parseUuid(id)).toString('base64url');
}

function idOf(cursor: string): string {
  const id = uuidOf(Buffer.from(cursor, 'base64url'));
  // decoding skips what is no base64url and stringifying what is too much: only the spelling that was given counts
  if (id !== null && cursorOf(id) === cursor) return id;
  const message = '"after" must be a cursor that an earlier page gave.';
  throw new RequestError('BAD_USER_INPUT', { message });
}

function uuidOf(bytes: Buffer): string | null {
  try {
    return stringifyUuid(bytes);
  } catch {
    return null; // too few bytes, or none of a UUID
  }
}
