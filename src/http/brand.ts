/** How the operator wants the pages to look. */
export interface Brand {
  readonly name: string;
  /** A picture shown beside the name. */
  readonly logoUrl: string | undefined;
  /** `#` and six hexadecimal digits. */
  readonly color: string;
}

type Rgb = readonly [number, number, number];

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

// The backgrounds in web/src/styles.css against which text in the brand's colour has the least contrast.
const LIGHT_BACKGROUND: Rgb = [241, 243, 246];
const DARK_BACKGROUND: Rgb = [35, 40, 49];

// WCAG 2.2 requires a contrast of 4.5 for small text; rounding to 8-bit colours needs a little more
const READABLE = 4.6;

/**
 * The style sheet of a brand: its colour unchanged for areas, black or white for text on those areas, and for text on
 * the pages the nearest shade that is readable on their light and dark backgrounds.
 */
export function brandStyle({ color }: Brand): string {
  const area = parse(color);
  const onArea = contrast(area, WHITE) >= contrast(area, BLACK) ? WHITE : BLACK;
  const variables = (text: Rgb) =>
    `--brand:${hex(area)};--on-brand:${hex(onArea)};--brand-text:${hex(text)}`;
  const light = variables(readable(area, LIGHT_BACKGROUND, BLACK));
  const dark = variables(readable(area, DARK_BACKGROUND, WHITE));
  return `:root{${light}}@media(prefers-color-scheme:dark){:root{${dark}}}\n`;
}

function readable(color: Rgb, background: Rgb, towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.02) {
    const shade = mix(color, towards, share);
    if (contrast(shade, background) >= READABLE) return shade;
  }
  return towards;
}

function parse(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function hex(color: Rgb): string {
  return `#${color.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (index: 0 | 1 | 2) => Math.round(from[index] * (1 - share) + to[index] * share);
  return [part(0), part(1), part(2)];
}

/** The contrast ratio by WCAG 2.2, from 1 to 21. */
function contrast(one: Rgb, other: Rgb): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance([red, green, blue]: Rgb): number {
  const linear = (part: number) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
