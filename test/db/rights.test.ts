import { describe, expect, it } from 'vitest';
import {
  compareRights,
  type NeededRight,
  parseGrants,
  rightObjectSql,
} from '../../src/db/rights.ts';

const NEEDED: NeededRight[] = [
  { kind: 'table', name: 'users', privileges: ['SELECT', 'UPDATE'] },
  { kind: 'table', name: 'audit_events', privileges: ['SELECT', 'INSERT'] },
  { kind: 'procedure', name: 'purge_audit_events', privileges: ['EXECUTE'] },
];
const EXACT = [
  'GRANT USAGE ON *.* TO `latchkey`@`%`',
  'GRANT SELECT, UPDATE ON `latch_key`.`users` TO `latchkey`@`%`',
  'GRANT SELECT, INSERT ON `latch_key`.`audit_events` TO `latchkey`@`%`',
  'GRANT EXECUTE ON PROCEDURE `latch_key`.`purge_audit_events` TO `latchkey`@`%`',
];
const compare = (...lines: string[]) => compareRights(parseGrants(lines), NEEDED, 'latch_key');

describe('compareRights', () => {
  it('finds exactly the needed rights exact, as either server writes them', () => {
    expect(compare(...EXACT)).toEqual({ missing: [], excessive: [] });
    const mariadb = "GRANT USAGE ON *.* TO `latchkey`@`%` IDENTIFIED BY PASSWORD '*0123'";
    expect(compare(mariadb, ...EXACT.slice(1))).toEqual({ missing: [], excessive: [] });
  });

  it('leaves out what MariaDB gives everybody', () => {
    const everybody = 'GRANT SELECT, DELETE ON `test`.* TO PUBLIC';
    expect(compare(everybody, ...EXACT)).toEqual({ missing: [], excessive: [] });
  });

  it('finds what is missing', () => {
    expect(compare(...EXACT.slice(0, 3)).missing).toEqual([NEEDED[2]]);
    const one = 'GRANT SELECT ON `latch_key`.`users` TO `latchkey`@`%`';
    expect(compare(one, ...EXACT.slice(2)).missing).toEqual([
      { kind: 'table', name: 'users', privileges: ['UPDATE'] },
    ]);
    // of another database
    expect(compare(...EXACT.map((line) => line.replace('latch_key', 'latchxkey'))).missing).toEqual(
      NEEDED,
    );
  });

  it.each([
    ['a privilege', 'GRANT DELETE ON `latch_key`.`audit_events` TO `l`@`%`', ['DELETE']],
    [
      'the whole database',
      'GRANT ALL PRIVILEGES ON `latch\\_key`.* TO `l`@`%`',
      ['ALL PRIVILEGES'],
    ],
    ['another database', 'GRANT SELECT ON `mysql`.* TO `l`@`%`', ['SELECT']],
    ['the server', 'GRANT FILE, SUPER ON *.* TO `l`@`%`', ['FILE', 'SUPER']],
    [
      'the right to hand rights on',
      'GRANT SELECT ON `latch_key`.`users` TO `l`@`%` WITH GRANT OPTION',
      ['GRANT OPTION'],
    ],
    [
      'columns',
      'GRANT UPDATE (`at`, `type`) ON `latch_key`.`audit_events` TO `l`@`%`',
      ['UPDATE (`at`, `type`)'],
    ],
  ])('finds %s too much', (_what, line, privileges) => {
    const { missing, excessive } = compare(...EXACT, line);
    expect(missing).toEqual([]);
    expect(excessive.map((right) => right.privileges)).toEqual([privileges]);
  });

  it.each([
    ['GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION'],
    ['GRANT SELECT, INSERT, UPDATE, EXECUTE ON `latch\\_key`.* TO `l`@`%`'],
    ['GRANT SELECT, INSERT, UPDATE, EXECUTE ON `latch%`.* TO `l`@`%`'],
  ])('finds nothing missing under %s', (line) => {
    expect(compare(line).missing).toEqual([]);
  });

  it('takes an escaped wildcard for itself', () => {
    const line = 'GRANT ALL PRIVILEGES ON `latch\\_key`.* TO `l`@`%`';
    expect(compareRights(parseGrants([line]), NEEDED, 'latchxkey').missing).toEqual(NEEDED);
  });

  it('reads names with every character, and says when there are roles', () => {
    const odd = "GRANT SELECT ON `odd``name ON x`.`ta``ble` TO `us'er ON y`@`%`";
    expect(parseGrants([odd])).toEqual({
      rights: [
        {
          object: { kind: 'table', database: 'odd`name ON x', name: 'ta`ble' },
          privileges: ['SELECT'],
        },
      ],
      hasRoles: false,
    });
    expect(parseGrants(['GRANT `reader`@`%` TO `l`@`%`']).hasRoles).toBe(true);
  });
});

it('quotes names that mean something to SQL', () => {
  const table = { kind: 'table', database: 'a`b', name: 'users' } as const;
  expect(rightObjectSql(table)).toBe('`a``b`.`users`');
  expect(rightObjectSql({ ...table, kind: 'procedure' })).toBe('PROCEDURE `a``b`.`users`');
});
