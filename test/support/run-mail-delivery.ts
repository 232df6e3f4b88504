// Sends the mail of a database and may be killed at it, for the tests that do so.
import { createTestApp } from './app.ts';
import { deliver, mailEnv, newDelivery } from './outbox.ts';

const [, , databaseUrl = '', port = ''] = process.argv;
const app = await createTestApp({ databaseUrl, env: mailEnv(Number(port)) });
await deliver(newDelivery(app));
process.stdout.write('done\n');
