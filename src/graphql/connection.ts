import { parse as parseUuid, stringify as stringifyUuid } from 'uuid';
import { RequestError } from '../errors.ts';
import { builder } from './builder.ts';

const STANDARD_PAGE = 20;
const LARGEST_PAGE = 100;

type Types = (typeof builder)['$inferSchemaTypes'];

/** An item of a list, with the cursor to continue after it. */
export interface Edge<Node> {
  node: Node;
  cursor: string;
}

/** A page of a list. `count` counts the whole list. */
export interface Page<Node> {
  edges: Edge<Node>[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  /** The cursor for the next page: after the last edge, or further on if the page ended before it was full. */
  endCursor: string | null;
  count?: () => Promise<number>;
}

type PageInfo = Pick<Page<unknown>, 'hasNextPage' | 'hasPreviousPage' | 'endCursor'> & {
  startCursor: string | null;
};

const PageInfoObject = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'The position of a page in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', {
      description: 'Whether there are more items after this page.',
    }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', {
      description: 'Whether there are items before this page.',
    }),
    startCursor: t.exposeString('startCursor', {
      nullable: true,
      description: 'The cursor of the first item on this page.',
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Pass this as `after` to get what follows.',
    }),
  }),
});

/**
 * Defines the Relay connection of a node type, and its edge.
 *
 * @param order how the connection is sorted, worded for its description
 */
export function connectionObject<Node extends { id: string }>(
  node: PothosSchemaTypes.ObjectRef<Types, Node, Node>,
  name: string,
  order: string,
) {
  // a connection needs no more of its nodes than what all have in common, the id
  const nodeObject = node as unknown as PothosSchemaTypes.ObjectRef<Types, { id: string }>;
  const edge = builder.objectRef<Edge<{ id: string }>>(`${name}Edge`);
  edge.implement({
    description: `A list item of the type ${name}, with its cursor.`,
    fields: (t) => ({
      node: t.expose('node', { type: nodeObject, description: 'The item itself.' }),
      cursor: t.exposeString('cursor', {
        description: 'Pass this as `after` to get what follows.',
      }),
    }),
  });
  const connection = builder.objectRef<Page<Node>>(`${name}Connection`);
  connection.implement({
    description: `A page of ${name} objects, ${order}.`,
    fields: (t) => ({
      edges: t.field({
        type: [edge],
        description: 'The items on this page.',
        resolve: (page): Edge<{ id: string }>[] => page.edges,
      }),
      pageInfo: t.field({
        type: PageInfoObject,
        description: 'The position of this page in the list.',
        resolve: ({ edges, ...page }): PageInfo => ({
          ...page,
          startCursor: edges[0]?.cursor ?? null,
        }),
      }),
    }),
  });
  return connection;
}

/** The arguments of a connection, as the client sent them. */
export interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
}

/**
 * Reads one page by keyset pagination, which costs the same at any place in the list.
 *
 * @param list returns at most `limit` nodes after the one with the id `after`
 * @throws {RequestError} BAD_USER_INPUT when `first` is out of range or `after` is not a cursor
 */
export async function readPage<Node extends { id: string }>(
  { first, after }: PageArguments,
  list: (page: { limit: number; after: string | null }) => Promise<Node[]>,
): Promise<Page<Node>> {
  const size = pageSize(first);
  // one more than requested shows whether there is a next page
  const nodes = await list({ limit: size + 1, after: after == null ? null : idOf(after) });
  const edges = nodes.slice(0, size).map((node) => ({ node, cursor: cursorOf(node.id) }));
  return {
    edges,
    hasNextPage: nodes.length > size,
    hasPreviousPage: after != null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
}

/** @throws {RequestError} BAD_USER_INPUT when `first` is out of range */
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
  // decoding skips foreign characters and ignores surplus bytes; accept only the spelling that was issued
  if (id !== null && cursorOf(id) === cursor) return id;
  throw foreignCursor();
}

/** The error for a cursor that no page has returned. */
export function foreignCursor(): RequestError {
  const message = '"after" must be a cursor that an earlier page gave.';
  return new RequestError('BAD_USER_INPUT', { message });
}

function uuidOf(bytes: Buffer): string | null {
  try {
    return stringifyUuid(bytes);
  } catch {
    return null; // not the bytes of a UUID
  }
}
