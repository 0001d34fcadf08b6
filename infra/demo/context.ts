// What the normalizer adds to an event, and what it does not let through.

import type { AuditRecord } from '../../schemas/index.ts';
import { DEPLOYED } from './deployment.ts';
import { DemoError } from './error.ts';
import { locationOf, tidemark, trustOf } from './programs.ts';
import { check, command, heading, pair } from './screen.ts';
import type { World } from './world.ts';

/** An event with its owner and the changes that were live when it happened. */
export async function showContext(world: World): Promise<void> {
  heading(
    'Context',
    'To each event is added what was known when it passed: place, owner, and the change that was live.',
  );
  const [event, ...others] = await readJson(
    world,
    ['--action', 'order.refund', '--outcome', 'success'],
    '.event.enrichment',
  );
  if (event === undefined || others.length > 0) check(false, 'read', 'expected one refund');
  const known = new Map<string, string>();
  for (const { name, about, values } of event?.enrichment ?? []) {
    for (const { key, value } of values) {
      const text = typeof value.text === 'string' ? value.text : '(sealed)';
      known.set(`${name} ${key}`, text);
      if (!key.endsWith('.event')) pair(key, `${text.padEnd(40)} ${name}, of ${about}`, 26);
    }
  }
  const holds = (key: string, expected: string): void => {
    const found = known.get(key);
    check(found === expected, `${key} is ${expected}`, `found ${found}`);
  };
  holds('catalogue owner', 'team-shop');
  holds('live-change deployment.version', DEPLOYED);
  holds('live-change configuration.reference', 'CHG-1042');
}

/** What the policy refused became an event itself: nothing that was published is dropped. */
export async function showRefusal(world: World): Promise<void> {
  heading(
    'A refusal',
    "What the policy refuses is not dropped: it becomes an event that says why, with the record's bytes.",
  );
  const [event, ...others] = await readJson(world, ['--action', 'audit.refuse'], '.event');
  const { refused = null, original = null, targets = [], policy = null } = event ?? {};
  pair('record', targets.map(({ id }) => id).join(', '));
  pair('code', `${refused?.code}`);
  pair('message', `${refused?.message}`);
  pair('policy', `${policy?.digest}`);
  pair('original', `sha256 ${original?.sha256}, ${original?.sealed ? 'sealed under the key of the day' : 'in clear'}`);
  const why = 'the refused change of settings names the rule';
  check(refused?.message.includes('changes-name-a-ticket') === true, why, `found ${refused?.message}`);
  check(Boolean(original?.sealed), 'what was refused is kept, sealed', 'it is in clear');
  check(others.length === 0, 'nothing else was refused', `found ${others.length} others`);
}

/** Events as `read --format jsonl` tells them. `looked`: what `jq` would be asked for. */
async function readJson(world: World, filter: string[], looked: string): Promise<AuditRecord[]> {
  command(`npx tidemark read ${locationOf(world)} … ${filter.join(' ')} --format jsonl | jq ${looked}`);
  const args = ['read', locationOf(world), ...trustOf(world), ...filter, '--format', 'jsonl'];
  const { code, text, said } = await tidemark(world, args);
  if (code !== 0) throw new DemoError('step-failed', `read: exit code ${code}: ${said}`);
  return text.split('\n').flatMap(line => (line === '' ? [] : [(JSON.parse(line) as { event: AuditRecord }).event]));
}
