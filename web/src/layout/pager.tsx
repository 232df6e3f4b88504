interface PagerProps {
  /** The cursors that led to the current page, one for each page after the first. */
  cursors: readonly string[];
  onChange(cursors: readonly string[]): void;
  hasNextPage: boolean;
  endCursor: string | null;
}

/** Buttons for the next and the previous page of a list. */
export function Pager({ cursors, onChange, hasNextPage, endCursor }: PagerProps) {
  if (cursors.length === 0 && !hasNextPage) return null;
  const go = (to: readonly string[]) => {
    onChange(to);
    window.scrollTo(0, 0);
  };
  return (
    <nav className="pager" aria-label="Pagination">
      <button
        type="button"
        className="button"
        disabled={cursors.length === 0}
        onClick={() => go(cursors.slice(0, -1))}
      >
        Newer
      </button>
      <span role="status">Page {cursors.length + 1}</span>
      <button
        type="button"
        className="button"
        disabled={!hasNextPage || endCursor === null}
        onClick={() => endCursor !== null && go([...cursors, endCursor])}
      >
        Older
      </button>
    </nav>
  );
}
