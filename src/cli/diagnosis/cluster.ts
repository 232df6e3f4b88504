import type { ServerFacts } from '../../db/server-facts.ts';
import { type Finding, findingsOf } from './finding.ts';

const cluster = findingsOf('cluster');

/** Judges how a server is configured as a cluster node. @returns nothing for a server outside a cluster */
export function judgeCluster({ global }: Pick<ServerFacts, 'global'>): Finding[] {
  if (global.get('wsrep_on') === 'ON') return [cluster.ok('It is a Galera node.')];
  if ((global.get('group_replication_group_name') ?? '') === '') return [];
  const findings = [...judgeExpelling(global), ...judgeLostMajority(global)];
  return findings.length > 0 ? findings : [cluster.ok('It is a Group Replication member.')];
}

function judgeExpelling(global: ServerFacts['global']): Finding[] {
  const seconds = Number(global.get('group_replication_member_expel_timeout') ?? 0);
  if (seconds === 0) return [];
  return [
    cluster.warning(
      `group_replication_member_expel_timeout is ${seconds}: when a primary dies, nobody can write for about ${seconds + 15} seconds.`,
      'Run on each member: SET PERSIST group_replication_member_expel_timeout = 0. Then it takes about five seconds.',
    ),
  ];
}

function judgeLostMajority(global: ServerFacts['global']): Finding[] {
  if (global.get('group_replication_unreachable_majority_timeout') !== '0') return [];
  return [
    cluster.warning(
      'group_replication_unreachable_majority_timeout is 0: a primary that is cut off from the others keeps answering reads, but blocks writes for ever.',
      'Run on each member: SET PERSIST group_replication_unreachable_majority_timeout = 10. Then it leaves the group.',
    ),
  ];
}
