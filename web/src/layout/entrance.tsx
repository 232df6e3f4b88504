import type { ReactNode } from 'react';
import { Brand } from './brand.tsx';

/** The frame of the pages for visitors. */
export function Entrance({ children, foot }: { children: ReactNode; foot?: ReactNode }) {
  return (
    <div className="entrance">
      <header>
        <Brand />
      </header>
      <main className="card entrance-card">{children}</main>
      {foot === undefined ? null : <footer className="entrance-foot">{foot}</footer>}
    </div>
  );
}
