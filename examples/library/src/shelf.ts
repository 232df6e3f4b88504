/** A title and the number of copies that the library owns. */
export interface Book {
  id: string;
  title: string;
  author: string;
  copies: number;
}

/** A copy that a reader has borrowed. */
export interface Borrowing {
  id: string;
  bookId: string;
  readerId: string;
  due: Date;
}

const LOAN_MS = 14 * 24 * 3_600_000;

/** The books and who has borrowed them. Kept in memory, because this is an example. */
export function createShelf(now: () => Date) {
  const books: Book[] = [];
  const borrowings: Borrowing[] = [];
  let lastId = 0;
  const newId = () => String(++lastId);

  const shelf = {
    books: (search: string) =>
      books.filter(({ title, author }) =>
        `${title} ${author}`.toLowerCase().includes(search.toLowerCase()),
      ),
    book: (id: string) => books.find((book) => book.id === id) ?? null,
    available: ({ id, copies }: Book) =>
      copies - borrowings.filter(({ bookId }) => bookId === id).length,
    borrowings: (readerId?: string) =>
      borrowings.filter((one) => readerId === undefined || one.readerId === readerId),

    add(title: string, author: string, copies: number): Book {
      const book = { id: newId(), title, author, copies };
      books.push(book);
      return book;
    },

    /** @returns `null` if there is no such book or no copy is left */
    borrow(bookId: string, readerId: string): Borrowing | null {
      const book = shelf.book(bookId);
      if (book === null || shelf.available(book) < 1) return null;
      const due = new Date(now().getTime() + LOAN_MS);
      const borrowing = { id: newId(), bookId, readerId, due };
      borrowings.push(borrowing);
      return borrowing;
    },

    /** @param readerId the reader who must have borrowed it; `null` for any reader */
    giveBack(id: string, readerId: string | null): boolean {
      const index = borrowings.findIndex(
        (one) => one.id === id && (readerId === null || one.readerId === readerId),
      );
      if (index === -1) return false;
      borrowings.splice(index, 1);
      return true;
    },
  };
  return shelf;
}

export type Shelf = ReturnType<typeof createShelf>;
