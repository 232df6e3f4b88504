import { useState } from 'react';
import { settings } from '../session/settings.ts';
import { useViewer } from '../session/viewer.tsx';
import { download } from './download.ts';

/** Shows new recovery codes, once only, with ways to copy, download and print them. */
export function RecoveryCodes(props: { codes: readonly string[]; onKept(): void }) {
  const { codes, onKept } = props;
  const { email } = useViewer();
  const [copied, setCopied] = useState('');
  const text = [`${settings.brandName}: recovery codes of ${email}`, '', ...codes, ''].join('\n');
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setCopied('Copied.');
    } catch {
      setCopied('The browser does not let us copy. Mark the codes, and copy them by hand.');
    }
  }
  return (
    <>
      <p className="lead">
        Each of these signs you in once when you have no phone. They are shown now and never again.
        Keep them where you keep your passwords, or on paper.
      </p>
      <p className="paper-only">
        {settings.brandName}, {email}
      </p>
      <ul className="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="form-actions no-print">
        <button type="button" className="button" onClick={copy}>
          Copy
        </button>
        <button
          type="button"
          className="button"
          onClick={() => download('recovery-codes.txt', 'text/plain', text)}
        >
          Download
        </button>
        <button type="button" className="button" onClick={() => window.print()}>
          Print
        </button>
        <button type="button" className="button primary" onClick={onKept}>
          I have kept them
        </button>
      </div>
      <p className="form-done" role="status">
        {copied}
      </p>
    </>
  );
}
