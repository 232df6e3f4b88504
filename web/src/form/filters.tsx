import { type FormEvent, type ReactNode, useLayoutEffect, useRef } from 'react';
import { useSearchParams } from 'wouter';

/** What narrows a list, by fields of these names. It is in the address, so that it can be kept and sent. */
export function Filters({ submitLabel, children }: { submitLabel: string; children: ReactNode }) {
  const [search, setSearch] = useSearchParams();
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    // a link may lead from one search to another on the same page
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

/** A choice counts at once; what is typed counts with the button or Enter. */
function submitChoice(event: FormEvent<HTMLFormElement>): void {
  if (event.target instanceof HTMLSelectElement) event.currentTarget.requestSubmit();
}
