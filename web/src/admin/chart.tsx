/** A segment of a ring. */
export interface Part {
  label: string;
  value: number;
  tone: 'brand' | 'good' | 'bad' | 'muted';
}

const RADIUS = 42;
const AROUND = 2 * Math.PI * RADIUS;

/** A ring chart with its figures beside it, so that everybody can read them. */
export function Ring({ label, parts }: { label: string; parts: readonly Part[] }) {
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  let before = 0;
  return (
    <figure className="chart">
      <svg viewBox="0 0 100 100" className="ring" aria-hidden="true">
        <circle className="ring-track" cx="50" cy="50" r={RADIUS} />
        {parts.map(({ label: name, value, tone }) => {
          const length = total === 0 ? 0 : (value / total) * AROUND;
          const arc = (
            <circle
              key={name}
              className={`ring-part ${tone}`}
              cx="50"
              cy="50"
              r={RADIUS}
              strokeDasharray={`${length} ${AROUND - length}`}
              strokeDashoffset={-before}
            />
          );
          before += length;
          return arc;
        })}
      </svg>
      <Legend label={label} parts={parts} />
    </figure>
  );
}

function Legend({ label, parts }: { label: string; parts: readonly Part[] }) {
  return (
    <figcaption>
      <strong>{label}</strong>
      <ul className="legend">
        {parts.map(({ label: name, value, tone }) => (
          <li key={name}>
            <span className={`swatch ${tone}`} aria-hidden="true" />
            {name} <b>{value.toLocaleString('en')}</b>
          </li>
        ))}
      </ul>
    </figcaption>
  );
}

const WIDTH = 240;
const HEIGHT = 64;
const GAP = 3;

/** Bars over time, the newest on the right. */
export function Bars({ label, values }: { label: string; values: readonly number[] }) {
  const highest = Math.max(1, ...values);
  const width = WIDTH / values.length;
  return (
    <svg className="bars" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {values.map((value, index) => {
        const height = value === 0 ? 2 : Math.max(4, (value / highest) * HEIGHT);
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in time
            key={index}
            className={value === 0 ? 'empty' : ''}
            x={index * width + GAP / 2}
            y={HEIGHT - height}
            width={width - GAP}
            height={height}
            rx="1.5"
          />
        );
      })}
    </svg>
  );
}
