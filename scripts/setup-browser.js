import { findBrowser } from './browser-binary.js';
import { provideTestTool } from './setup-test-tool.js';

export function provideBrowser() {
  provideTestTool({
    isThere: () => findBrowser() !== null,
    name: 'Chromium',
    package: 'chromium',
    missing: 'No Chromium was found. Install it to run the browser tests.',
  });
}
