// npm run bench:table -- writes the results in bench/results.json into README.md

import { readFileSync, writeFileSync } from 'node:fs';
import { withFindings } from './readme.ts';
import { RESULTS, readResults } from './results.ts';

const README = 'README.md';

writeFileSync(README, withFindings(readFileSync(README, 'utf8'), readResults(RESULTS)));
