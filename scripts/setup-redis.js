import { run } from './setup-step.js';
import { provideTestTool } from './setup-test-tool.js';

export function provideRedis() {
  provideTestTool({
    isThere: () => run('redis-server', ['--version']).ok,
    name: 'Redis',
    package: 'redis-server',
    missing: 'No redis-server was found. Install it to run the tests of REDIS_URL.',
  });
}
