import { once } from 'node:events';
import { expect, it } from 'vitest';
import {
  type Candidate,
  chooseHost,
  type HostChoice,
  socketsTo,
} from '../../src/db/host-choice.ts';

const host = (standing: Candidate['standing'], more: Partial<Candidate> = {}): Candidate => ({
  standing,
  isSteady: false,
  isDoubted: false,
  ...more,
});

it('chooses the first that takes writes, as every other instance does', () => {
  expect(chooseHost([host('closed'), host('open'), host('closed')], undefined)).toBe(1);
  expect(chooseHost([host('shared'), host('shared')], undefined)).toBe(0);
  expect(chooseHost([host('closed'), host('closed')], undefined)).toBeUndefined();
});

it('takes a node that others copy from only when there is no other', () => {
  expect(chooseHost([host('busy'), host('shared')], undefined)).toBe(1);
  expect(chooseHost([host('busy'), host('closed')], undefined)).toBe(0);
  expect(chooseHost([host('busy'), host('shared')], 0)).toBe(1);
});

it('stays where it is well, and leaves when it is not', () => {
  expect(chooseHost([host('shared'), host('shared')], 1)).toBe(1);
  expect(chooseHost([host('shared'), host('closed')], 1)).toBe(0);
  expect(chooseHost([host('closed'), host('closed')], 1)).toBeUndefined();
});

it('goes back to an earlier node of its Galera cluster once that is steady', () => {
  expect(chooseHost([host('shared', { isSteady: true }), host('shared')], 1)).toBe(0);
  const doubted = host('shared', { isSteady: true, isDoubted: true });
  expect(chooseHost([doubted, host('shared')], 1)).toBe(1);
});

it('never goes back to a primary that was left: it is one that has lost its group', () => {
  expect(chooseHost([host('open', { isSteady: true }), host('open')], 1)).toBe(1);
});

it('leaves one where statements fall silent, unless there is no other', () => {
  expect(chooseHost([host('open', { isDoubted: true }), host('open')], 0)).toBe(1);
  expect(chooseHost([host('open', { isDoubted: true }), host('closed')], 0)).toBe(0);
});

it('keeps nothing of sockets that were given up while no host took writes', async () => {
  const waiting = new Set<unknown>();
  const choice: Pick<HostChoice, 'whenKnown'> = {
    whenKnown(tell) {
      waiting.add(tell);
      return () => waiting.delete(tell);
    },
  };
  const open = socketsTo(choice);
  const sockets = Array.from({ length: 3 }, () => open({ config: {} }));
  expect(waiting.size).toBe(3);
  await Promise.all(sockets.map((socket) => once(socket.destroy(), 'close')));
  expect(waiting.size).toBe(0);
});
