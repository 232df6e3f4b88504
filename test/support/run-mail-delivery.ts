// Sends the mail in a database, for tests that kill this process meanwhile.
import { createTestApp } from './app.ts';
import { deliver, mailEnv, newDelivery } from './outbox.ts';

const [, , databaseUrl = '', port = ''] = process.argv;
const app = await createTestApp({ databaseUrl, env: mailEnv(Number(port)) });
await deliver(newDelivery(app));
process.stdout.write('done\n');
