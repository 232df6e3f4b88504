import { type ReactNode, useEffect, useRef } from 'react';
import type { CombinedError } from 'urql';
import { requestProblem } from '../session/request-problem.ts';
import { settings } from '../session/settings.ts';

let isFirstPage = true;

/**
 * A page's heading and content. On every page after the first, the heading gets the focus, which tells users of screen
 * readers that the page has changed. With `toField`, for pages with a single task, the first field gets it instead.
 */
export function Page(props: PageProps & { action?: ReactNode; toField?: boolean }) {
  const { title, lead, children, action, toField } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${settings.brandName}`;
  }, [title]);
  useEffect(() => {
    const main = heading.current?.closest('main');
    const field = toField ? main?.querySelector('input') : null;
    if (field) field.focus();
    else if (!isFirstPage) {
      heading.current?.focus();
      window.scrollTo(0, 0);
    }
    isFirstPage = false;
  }, [toField]);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead === undefined ? null : <p className="lead">{lead}</p>}
        </div>
        {action}
      </header>
      {children}
    </>
  );
}

export interface PageProps {
  title: string;
  lead?: ReactNode;
  children?: ReactNode;
}

/** A titled part of a page. */
export function Section({ title, lead, tone, children }: PageProps & { tone?: 'danger' }) {
  return (
    <section className={tone === undefined ? 'card' : `card ${tone}`}>
      <h2>{title}</h2>
      {lead === undefined ? null : <p className="lead">{lead}</p>}
      {children}
    </section>
  );
}

/** Shown in place of content that is still loading or failed to load. */
export function Awaited({ error }: { error: CombinedError | undefined }) {
  if (error === undefined) return <Loading />;
  return (
    <div className="notice danger" role="alert">
      <p>{requestProblem(error).message}</p>
    </div>
  );
}

export function Loading() {
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden="true" />
      <span>Loading …</span>
    </p>
  );
}

export function Badge({ tone, children }: { tone?: 'good' | 'bad' | 'warn'; children: ReactNode }) {
  return <span className={`badge ${tone ?? ''}`}>{children}</span>;
}
