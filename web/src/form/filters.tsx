import { type FormEvent, type ReactNode, useLayoutEffect, useRef } from 'react';
import { useSearchParams } from 'wouter';

/** A form that filters a list. The filters are in the URL, so that they can be bookmarked and shared. */
export function Filters({ submitLabel, children }: { submitLabel: string; children: ReactNode }) {
  const [search, setSearch] = useSearchParams();
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    // a link may change the search without leaving the page, so update the fields
    const fields = form.current?.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[name]');
    for (const field of fields ?? []) field.value = search.get(field.name) ?? '';
  }, [search]);
  function filter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget)] as [string, string][];
    setSearch(
      entries.filter(([, value]) => value.trim() !== ''),
      { replace: true },
    );
  }
  return (
    <search>
      <form ref={form} className="filters" onSubmit={filter} onChange={submitChoice}>
        {children}
        <button type="submit" className="button">
          {submitLabel}
        </button>
      </form>
    </search>
  );
}

/** Submits at once when an option is chosen; typed text needs the button or Enter. */
function submitChoice(event: FormEvent<HTMLFormElement>): void {
  if (event.target instanceof HTMLSelectElement) event.currentTarget.requestSubmit();
}
