import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const SERVICE = 'http://localhost:4000';

/** Fills the placeholders in index.html on Vite's dev server, as src/http/pages.ts does on the service. */
const placeholders = {
  name: 'latchkey-placeholders',
  apply: 'serve',
  transformIndexHtml: (html) =>
    html.replaceAll('%BASE%', '').replaceAll('%BRAND_NAME%', 'Latchkey').replaceAll(/%\w+%/g, ''),
};

export default defineConfig({
  root: import.meta.dirname,
  // relative, because the service may be mounted under a path
  base: './',
  plugins: [react(), placeholders],
  build: {
    target: 'es2022',
    // the pages' Content-Security-Policy allows nothing inline
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: {
    proxy: {
      // the service accepts cookies only from pages of its own origin
      '/graphql': { target: SERVICE, headers: { origin: SERVICE } },
      '/brand.css': { target: SERVICE },
    },
  },
});
