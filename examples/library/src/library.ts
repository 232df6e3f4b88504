import { createSchema, createYoga } from 'graphql-yoga';
import { admit, createReaders, type Reader, type Trust } from './reader.ts';
import { type Book, type Borrowing, createShelf, type Shelf } from './shelf.ts';

interface Context {
  reader: Reader | null;
  shelf: Shelf;
}

const typeDefs = /* GraphQL */ `
  type Query {
    "Open to everybody."
    books(search: String = ""): [Book!]!
    "The reader's own borrowings."
    myBorrowings: [Borrowing!]!
    "The borrowings of all readers. For librarians."
    allBorrowings: [Borrowing!]!
  }

  type Mutation {
    "Returns null if no copy is left."
    borrow(book: ID!): Borrowing
    "Students can return their own borrowings, librarians any. Returns whether the borrowing existed."
    giveBack(borrowing: ID!): Boolean!
    "For librarians."
    addBook(title: String!, author: String!, copies: Int = 1): Book!
  }

  type Book {
    id: ID!
    title: String!
    author: String!
    copies: Int!
    available: Int!
  }

  type Borrowing {
    id: ID!
    book: Book!
    "The user's id at Latchkey."
    reader: ID!
    due: String!
  }
`;

const resolvers = {
  Query: {
    books: (_: unknown, { search }: { search: string }, { shelf }: Context) => shelf.books(search),
    myBorrowings: (_: unknown, _arguments: unknown, { shelf, reader }: Context) =>
      shelf.borrowings(admit(reader, 'student', 'librarian').id),
    allBorrowings(_: unknown, _arguments: unknown, { shelf, reader }: Context) {
      admit(reader, 'librarian');
      return shelf.borrowings();
    },
  },
  Mutation: {
    borrow: (_: unknown, { book }: { book: string }, { shelf, reader }: Context) =>
      shelf.borrow(book, admit(reader, 'student', 'librarian').id),
    giveBack(_: unknown, { borrowing }: { borrowing: string }, { shelf, reader }: Context) {
      const { id, role } = admit(reader, 'student', 'librarian');
      return shelf.giveBack(borrowing, role === 'librarian' ? null : id);
    },
    addBook(_: unknown, { title, author, copies }: Book, { shelf, reader }: Context) {
      admit(reader, 'librarian');
      return shelf.add(title, author, copies);
    },
  },
  Book: {
    available: (book: Book, _arguments: unknown, { shelf }: Context) => shelf.available(book),
  },
  Borrowing: {
    book: ({ bookId }: Borrowing, _arguments: unknown, { shelf }: Context) => shelf.book(bookId),
    reader: ({ readerId }: Borrowing) => readerId,
    due: ({ due }: Borrowing) => due.toISOString(),
  },
};

/** Creates the library's API: a request handler for Node's http server, with a `fetch` method. */
export function createLibrary(trust: Trust) {
  const readerOf = createReaders(trust);
  const shelf = createShelf(trust.now ?? (() => new Date()));
  shelf.add('A Wizard of Earthsea', 'Ursula K. Le Guin', 2);
  shelf.add('The Analytical Engine', 'Ada Lovelace', 1);
  return createYoga({
    schema: createSchema<Context>({ typeDefs, resolvers }),
    context: async ({ request }): Promise<Context> => ({
      reader: await readerOf(request.headers.get('authorization')),
      shelf,
    }),
    // a real library would list the origins of its pages
    cors: false,
    logging: false,
  });
}
