import { useState } from 'react';
import { settings } from '../session/settings.ts';
import { useViewer } from '../session/viewer.tsx';
import { download } from './download.ts';

/** Shows new recovery codes, once only, with ways to copy, download and print them. */
export function RecoveryCodes(props: { codes: readonly string[]; onKept(): void }) {
  const { codes, onKept } = props;
  const { email } = useViewer();
  const [copied, setCopied] = useState('');
  const text = [`${settings.brandName}: recovery codes for ${email}`, '', ...codes, ''].join('\n');
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setCopied('Copied.');
    } catch {
      setCopied('Your browser did not allow this. Select the codes, and copy them yourself.');
    }
  }
  return (
    <>
      <p className="lead">
        Each code lets you sign in once without your phone. You cannot see them again later, so save
        them now: in your password manager or on paper.
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
          I have saved them
        </button>
      </div>
      <p className="form-done" role="status">
        {copied}
      </p>
    </>
  );
}
