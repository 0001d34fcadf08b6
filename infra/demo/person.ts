// A person is erased: two operators agree, one key is destroyed, and no byte of the evidence changes.

import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './error.ts';
import type { Operator } from './files.ts';
import { verify } from './inspect.ts';
import { type CommandResult, locationOf, tidemark, trustOf } from './programs.ts';
import { check, command, heading, output, say } from './screen.ts';
import type { World } from './world.ts';

const PERSON = 'u-1842';
const NAME = 'Ada Lovelace';
const LIMIT_MS = 30_000;
const POLL_MS = 500;

export async function erasePerson(world: World): Promise<void> {
  heading('A person', 'Ada wants to be forgotten: two operators agree, and her key goes. The evidence stays as it is.');
  const before = await reveal(world);
  check(before.includes(NAME), 'with the keys she is read in clear', 'her name is not shown');
  await verify(world, 0);
  say();
  const asked = ['erase', '--person', PERSON, '--reason', "'asked by letter'", '--case', 'C-17'];
  const order = (await operate(world, 'anna', asked)).text.trim();
  await operate(world, 'ben', ['erase', 'approve', order, '--person', PERSON]);
  await carryOut(world);
  say();
  const after = await reveal(world);
  check(after.includes(`${PERSON} (erased)`) && !after.includes(NAME), 'she reads as erased', 'she is still shown');
  await verify(world, 0);
}

/** What she did, with personal data in clear for who has the keys and says why. */
async function reveal(world: World): Promise<string> {
  const shown = ['--action', 'order.refund', '--actor', PERSON, '--reveal', '--reason', "'complaint C-17'"];
  const { text } = await operate(world, 'ben', ['read', locationOf(world), ...shown], trustOf(world));
  return text;
}

/** Due is it a second after the approval, here; a week by default. */
async function carryOut(world: World): Promise<void> {
  command('npx tidemark erase run');
  for (const deadline = Date.now() + LIMIT_MS; ; await delay(POLL_MS)) {
    const { code, text, said } = await tidemark(world, ['erase', 'run'], world.env.operator);
    if (code !== 0) throw new DemoError('step-failed', `erase run: exit code ${code}: ${said}`);
    if (text.startsWith('erased')) return output(text.split('\n'), 'rows');
    if (Date.now() > deadline) throw new DemoError('timeout', `the order was not due after ${LIMIT_MS / 1000} s`);
  }
}

/** A command as one of the operators runs it; `more` is not shown. */
async function operate(world: World, who: Operator, typed: string[], more: string[] = []): Promise<CommandResult> {
  command(`npx tidemark ${typed.join(' ')}${more.length > 0 ? ' …' : ''}   # ${who}`);
  const env = { ...world.env.operator, TIDEMARK_APPROVER_KEY: world.files.operators[who] };
  const result = await tidemark(world, [...typed.map(word => word.replaceAll("'", '')), ...more], env);
  output([...result.text.split('\n'), ...result.said.split('\n')], 'sentences');
  if (result.code !== 0) check(false, `tidemark ${typed[0]}`, `exit code ${result.code}, expected 0`);
  return result;
}
