import { parse as parseUuid, stringify as stringifyUuid } from 'uuid';
import { RequestError } from '../errors.ts';
import { builder } from './builder.ts';

const STANDARD_PAGE = 20;
const LARGEST_PAGE = 100;

type Types = (typeof builder)['$inferSchemaTypes'];

/** Something in a list, and the cursor to go on after it. */
export interface Edge<Node> {
  node: Node;
  cursor: string;
}

/** A page of a list, with what it takes to count the whole of it. */
export interface Page<Node> {
  edges: Edge<Node>[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  /** Where to go on: after the last edge, or further on where the page ends before it is full. */
  endCursor: string | null;
  count?: () => Promise<number>;
}

type PageInfo = Pick<Page<unknown>, 'hasNextPage' | 'hasPreviousPage' | 'endCursor'> & {
  startCursor: string | null;
};

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
      description: 'What `after` takes to go on from here.',
    }),
  }),
});

/**
 * The Relay connection of a node type, and its edge.
 *
 * @param order how it is sorted, as its description says it
 */
export function connectionObject<Node extends { id: string }>(
  node: PothosSchemaTypes.ObjectRef<Types, Node, Node>,
  name: string,
  order: string,
) {
  // what is common to all nodes is all that a connection knows of them
  const nodeObject = node as unknown as PothosSchemaTypes.ObjectRef<Types, { id: string }>;
  const edge = builder.objectRef<Edge<{ id: string }>>(`${name}Edge`);
  edge.implement({
    description: `A place in a list of ${name} objects.`,
    fields: (t) => ({
      node: t.expose('node', { type: nodeObject, description: 'What is there.' }),
      cursor: t.exposeString('cursor', { description: 'What `after` takes to go on from here.' }),
    }),
  });
  const connection = builder.objectRef<Page<Node>>(`${name}Connection`);
  connection.implement({
    description: `A page of ${name} objects, ${order}.`,
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: 'What is on this page.',
        resolve: (page): Edge<{ id: string }>[] => page.edges,
      }),
      pageInfo: t.field({
        type: PageInfoObject,
        description: 'Where this page is in the list.',
        resolve: ({ edges, ...page }): PageInfo => ({
          ...page,
          startCursor: edges[0]?.cursor ?? null,
        }),
      }),
    }),
  });
  return connection;
}

/** The arguments of a connection, as they were sent. */
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
  const size = pageSize(first);
  // one more than asked for tells whether there are more
  const nodes = await list({ limit: size + 1, after: after == null ? null : idOf(after) });
  const edges = nodes.slice(0, size).map((node) => ({ node, cursor: cursorOf(node.id) }));
  return {
    edges,
    hasNextPage: nodes.length > size,
    hasPreviousPage: after != null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
}

/** @throws {RequestError} BAD_USER_INPUT when there is no such page */
export function pageSize(first: number | null | undefined): number {
  const size = first ?? STANDARD_PAGE;
  if (size >= 1 && size <= LARGEST_PAGE) return size;
  const message = `"first" must be between 1 and ${LARGEST_PAGE}.`;
  throw new RequestError('BAD_USER_INPUT', { message });
}

function cursorOf(id: string): string {
  return Buffer.from(parseUuid(id)).toString('base64url');
}

function idOf(cursor: string): string {
  const id = uuidOf(Buffer.from(cursor, 'base64url'));
  // decoding skips what is no base64url and stringifying what is too much: only the spelling that was given counts
  if (id !== null && cursorOf(id) === cursor) return id;
  throw foreignCursor();
}

/** The failure of whoever makes cursors up. */
export function foreignCursor(): RequestError {
  const message = '"after" must be a cursor that an earlier page gave.';
  return new RequestError('BAD_USER_INPUT', { message });
}

function uuidOf(bytes: Buffer): string | null {
  try {
    return stringifyUuid(bytes);
  } catch {
    return null; // too few bytes, or none of a UUID
  }
}
