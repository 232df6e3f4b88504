// Runs the service with a clock of its own that is wrong by so many seconds, until it is killed. SIGUSR2 sets the clock the
// other way.
import { loadConfig } from '../../../src/config.ts';
import { TEST_SECRET } from '../../support/app.ts';

const [, , databaseUrl = '', shift = '0', env = '{}'] = process.argv;
const rightTime = Date.now;
let wrongBy = Number(shift);
const wrongTime = () => rightTime() + wrongBy * 1000;
process.on('SIGUSR2', () => {
  wrongBy = -wrongBy;
  process.stdout.write(`set ${wrongTime()}\n`);
});

// in force before anything of the service is loaded
globalThis.Date = new Proxy(Date, {
  construct: (date, args: [], self) =>
    Reflect.construct(date, args.length > 0 ? args : [wrongTime()], self),
  get: (date, name) => (name === 'now' ? wrongTime : Reflect.get(date, name)),
});

const { createApp } = await import('../../../src/app.ts');
const { listen } = await import('../../../src/http/listen.ts');

const config = loadConfig({
  NODE_ENV: 'test',
  DATABASE_URL: databaseUrl,
  AUTH_SECRET: TEST_SECRET,
  ARGON2_MEMORY: '8',
  ARGON2_PASSES: '1',
  RATE_LIMIT: 'off',
  ...JSON.parse(env),
});
const app = await createApp(config);
const { address } = await listen(app.handler, {
  host: '127.0.0.1',
  port: 0,
  securityHeaders: app.securityHeaders,
});
process.stdout.write(`ready ${address.port} ${wrongTime()}\n`);
