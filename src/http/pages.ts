import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { escapeHtml } from '../html.ts';
import { takesEncoding } from './accept-encoding.ts';
import { type Brand, brandStyle } from './brand.ts';
import type { HttpRequest, HttpResponse, ResponseHeaders, Route } from './exchange.ts';

/** The parts of the pages. */
export interface PagesOptions {
  /** The build output: `index.html`, and `assets/` with precompressed copies. */
  readonly directory: string;
  /** The service's public base URL. */
  readonly publicUrl: string;
  readonly brand: Brand;
  /** Settings the pages need in order to show only what is possible, by placeholder name. */
  readonly settings?: Readonly<Record<string, string>>;
}

type Body = Uint8Array<ArrayBuffer>;

/** A file in each encoding in which it is sent. */
interface Resource {
  readonly headers: ResponseHeaders;
  readonly plain: Body;
  readonly gzip: Body;
  readonly brotli: Body;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// The file names change with the content, so these may be cached forever.
const FOREVER = { 'cache-control': 'public, max-age=31536000, immutable' };

// Paths of the service itself. Answering them with a page would hide that something is missing there.
const SERVICE_PATHS = /^\/+(?:graphql|health|ready|metrics|dev|assets|\.well-known)(?:\/|$)/;

/**
 * Reads the account pages into memory.
 *
 * @returns finds the route of a path that has no route of its own; undefined when the pages have not been built
 */
export function createPages(
  options: PagesOptions,
): ((request: HttpRequest) => Route | undefined) | undefined {
  if (!existsSync(join(options.directory, 'index.html'))) return undefined;
  const style = textResource(brandStyle(options.brand), {
    'content-type': 'text/css; charset=utf-8',
    ...FOREVER,
  });
  const files = new Map([['/brand.css', route(style)], ...readAssets(options.directory)]);
  const page = route(indexPage(options));
  return ({ path, method, headers }) => {
    const file = files.get(path);
    if (file !== undefined || SERVICE_PATHS.test(path)) return file;
    // a program that asks for a missing path should get a 404 and not a page; only `/` is a page for every client
    const isVisit = method === 'GET' || method === 'HEAD';
    return isVisit && (path === '/' || headers.accept?.includes('text/html')) ? page : undefined;
  };
}

function* readAssets(directory: string): Generator<[string, Route]> {
  const assets = join(directory, 'assets');
  for (const name of readdirSync(assets)) {
    const type = MEDIA_TYPES[extname(name)];
    if (type === undefined) continue;
    const read = (file: string): Body => new Uint8Array(readFileSync(join(assets, file)));
    const resource = {
      headers: { 'content-type': type, ...FOREVER },
      plain: read(name),
      gzip: read(`${name}.gz`),
      brotli: read(`${name}.br`),
    };
    yield [`/assets/${name}`, route(resource)];
  }
}

function indexPage({ directory, publicUrl, brand, settings }: PagesOptions): Resource {
  const base = new URL(publicUrl).pathname.replace(/\/+$/, '');
  const values: Record<string, string> = {
    BASE: base,
    BRAND_NAME: brand.name,
    BRAND_LOGO_URL: brand.logoUrl ?? '',
    BRAND_VERSION: createHash('sha256').update(brandStyle(brand)).digest('hex').slice(0, 8),
    ...settings,
  };
  const html = readFileSync(join(directory, 'index.html'), 'utf8')
    .replace(/(href|src)="(?:\.?\/)/g, `$1="${escapeHtml(base)}/`)
    .replace(/%([A-Z_]+)%/g, (_, name: string) => escapeHtml(values[name] ?? ''));
  return textResource(html, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': contentSecurityPolicy(brand),
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  });
}

/** Scripts and styles from this origin only, none inline, and no markup built from strings (Trusted Types). */
function contentSecurityPolicy({ logoUrl }: Brand): string {
  const logo = logoUrl === undefined ? '' : ` ${new URL(logoUrl).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    // QR codes are data URIs
    `img-src 'self' data:${logo}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function textResource(text: string, headers: ResponseHeaders): Resource {
  const plain = new TextEncoder().encode(text);
  return {
    headers,
    plain,
    gzip: new Uint8Array(gzipSync(plain)),
    brotli: new Uint8Array(brotliCompressSync(plain)),
  };
}

function route(resource: Resource): Route {
  return { GET: ({ headers }) => Promise.resolve(answer(resource, headers['accept-encoding'])) };
}

function answer({ headers, plain, gzip, brotli }: Resource, accepted = ''): HttpResponse {
  // Origin is included because this replaces the `vary: Origin` of the CORS policy
  const varied = { ...headers, vary: 'accept-encoding, origin' };
  const encoded = (encoding: string, body: Body) => ({
    status: 200,
    headers: { ...varied, 'content-encoding': encoding },
    body,
  });
  if (takesEncoding(accepted, 'br')) return encoded('br', brotli);
  if (takesEncoding(accepted, 'gzip')) return encoded('gzip', gzip);
  return { status: 200, headers: varied, body: plain };
}
