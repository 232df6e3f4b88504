import fc from 'fast-check';
import { expect, it } from 'vitest';
import { brandStyle } from '../../src/http/brand.ts';

// the lightest and darkest that text in the brand's colour stands on, from web/src/styles.css
const LIGHT = ['#ffffff', '#f1f3f6'];
const DARK = ['#12151a', '#1b2027'];

interface Colors {
  brand: string;
  'on-brand': string;
  'brand-text': string;
}

function colorsOf(color: string): { light: Colors; dark: Colors } {
  const style = brandStyle({ name: 'Ours', logoUrl: undefined, color });
  const [light, dark] = [...style.matchAll(/:root\{([^}]*)\}/g)].map(([, declarations = '']) =>
    Object.fromEntries(
      declarations.split(';').map((one) => one.replace(/^--/, '').split(':') as [string, string]),
    ),
  );
  return { light, dark } as unknown as { light: Colors; dark: Colors };
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

it('can be read, whatever colour the operator chooses', () => {
  const anyColor = fc
    .integer({ min: 0, max: 0xffffff })
    .map((n) => n.toString(16).padStart(6, '0'));
  fc.assert(
    fc.property(anyColor, (digits) => {
      const { light, dark } = colorsOf(`#${digits}`);
      for (const { brand, 'on-brand': text } of [light, dark]) {
        expect(contrast(brand, text)).toBeGreaterThanOrEqual(4.5);
      }
      for (const background of LIGHT) {
        expect(contrast(light['brand-text'], background)).toBeGreaterThanOrEqual(4.5);
      }
      for (const background of DARK) {
        expect(contrast(dark['brand-text'], background)).toBeGreaterThanOrEqual(4.5);
      }
    }),
    { numRuns: 500 },
  );
});

it('keeps a colour that can be read as it is', () => {
  const { light } = colorsOf('#0b6e69');
  expect(light).toEqual({ brand: '#0b6e69', 'on-brand': '#ffffff', 'brand-text': '#0b6e69' });
});
