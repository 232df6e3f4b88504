import { expect, it } from 'vitest';
import { createConnectionLine, type Turn } from '../../src/db/connection-line.ts';

function newLine(places: number) {
  const line = createConnectionLine(places);
  const entered: string[] = [];
  const turns = new Map<string, Turn>();
  const join = (name: string) => {
    const turn = line.join(() => entered.push(name));
    if (turn !== undefined) turns.set(name, turn);
    return turn;
  };
  const leave = (name: string) => turns.get(name)?.leave();
  const giveUp = (name: string) => turns.get(name)?.giveUp();
  return { line, entered, join, leave, giveUp };
}

it('lets as many in as there are places, and the others in their order', () => {
  const { line, entered, join, leave } = newLine(2);
  for (const name of ['a', 'b', 'c', 'd']) join(name);
  expect(entered).toEqual(['a', 'b']);
  expect(line.waiting()).toBe(2);
  leave('b');
  expect(entered).toEqual(['a', 'b', 'c']);
  leave('a');
  expect(entered).toEqual(['a', 'b', 'c', 'd']);
  expect(line.waiting()).toBe(0);
});

it('counts a place that is left once', () => {
  const { entered, join, leave } = newLine(1);
  for (const name of ['a', 'b', 'c']) join(name);
  for (let i = 0; i < 3; i++) leave('a');
  expect(entered).toEqual(['a', 'b']);
});

it('forgets who has given up, and keeps the place of who is in', () => {
  const { line, entered, join, leave, giveUp } = newLine(1);
  for (const name of ['a', 'b', 'c']) join(name);
  giveUp('b');
  expect(line.waiting()).toBe(1);
  giveUp('a');
  expect(entered).toEqual(['a']);
  leave('a');
  expect(entered).toEqual(['a', 'c']);
});

it('takes no more than ten thousand', () => {
  const { line, join, leave } = newLine(1);
  for (let i = 0; i < 10_001; i++) expect(join(String(i))).toBeDefined();
  expect(join('too many')).toBeUndefined();
  expect(line.waiting()).toBe(10_000);
  leave('0');
  expect(join('one more')).toBeDefined();
});

it('says when nobody is in', async () => {
  const { line, join, leave } = newLine(1);
  await line.idle();
  join('a');
  join('b');
  let isIdle = false;
  const idle = line.idle().then(() => {
    isIdle = true;
  });
  leave('a');
  await Promise.resolve();
  expect(isIdle).toBe(false);
  leave('b');
  await idle;
});
