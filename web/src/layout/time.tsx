const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

const MINUTE_MS = 60_000;
const UNITS = [
  ['day', 1440],
  ['hour', 60],
  ['minute', 1],
] as const;

/** A date and time in the reader's time zone. */
export function Time({ at, relative }: { at: string; relative?: boolean }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={FULL.format(date)}>
      {relative ? ago(date) : FULL.format(date)}
    </time>
  );
}

export function Day({ at }: { at: string }) {
  return <time dateTime={at}>{DAY.format(new Date(at))}</time>;
}

function ago(date: Date): string {
  const minutes = (Date.now() - date.getTime()) / MINUTE_MS;
  if (Math.abs(minutes) > 30 * 1440) return DAY.format(date);
  for (const [unit, size] of UNITS) {
    if (Math.abs(minutes) >= size) return RELATIVE.format(-Math.round(minutes / size), unit);
  }
  return 'just now';
}
