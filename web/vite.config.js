import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const SERVICE = 'http://localhost:4000';

/** What the service puts into index.html (src/http/pages.ts), for Vite's own server. */
const placeholders = {
  name: 'latchkey-placeholders',
  apply: 'serve',
  transformIndexHtml: (html) =>
    html.replaceAll('%BASE%', '').replaceAll('%BRAND_NAME%', 'Latchkey').replaceAll(/%\w+%/g, ''),
};

export default defineConfig({
  root: import.meta.dirname,
  // relative, because the service may be reached below a path
  base: './',
  plugins: [react(), placeholders],
  build: {
    target: 'es2022',
    // the policy of the pages allows nothing inline
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: {
    proxy: {
      // the service takes cookies from pages of its own origin only
      '/graphql': { target: SERVICE, headers: { origin: SERVICE } },
      '/brand.css': { target: SERVICE },
    },
  },
});
