/** The mapping of GitHub's webhooks: each of GitHub's own example payloads, the kinds that matter most, and any JSON at all. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../core/event/index.ts';
import { mapGitHubWebhook } from '../../../producers/gateway/github/index.ts';
import { readInput } from '../../../producers/sdk/read-input.ts';
import type { AuditEvent } from '../../../schemas/types.ts';

type Payload = Record<string, unknown>;
type Examples = { name: string; examples: Payload[] }[];

const folder = fileURLToPath(new URL('../../../node_modules/@octokit/webhooks-examples/', import.meta.url));
const versions = ['api.github.com', 'ghes-31', 'ghes-35'].map(name => ({
  name,
  examples: JSON.parse(readFileSync(`${folder}${name}/index.json`, 'utf8')) as Examples,
}));
const NOW = 1_700_000_000_000_000;
const stamps = {
  origin: { service: 'gateway', version: null, commit: null, environment: null, region: null, host: null },
  id: () => '0190b3a0-0000-7000-8000-000000000000',
  now: () => NOW,
  reserved: false,
};

/** The events of a delivery, as the SDK would make them of what the mapping says: an invalid one throws. */
function eventsOf(name: string, payload: unknown): AuditEvent[] {
  return mapGitHubWebhook(name, payload, { deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958' }).map(input =>
    readInput(input, stamps),
  );
}

function eventOf(name: string, payload: unknown): AuditEvent {
  const [event, ...others] = eventsOf(name, payload);
  if (event === undefined || others.length > 0) throw new Error(`${others.length + 1} events, expected one`);
  return event;
}

/** GitHub's example of an event that this holds for. */
function example(name: string, holds: (payload: Payload) => boolean = () => true): Payload {
  const found = versions[0]?.examples.find(kind => kind.name === name)?.examples.find(holds);
  if (found === undefined) throw new Error(`no example of ${name}`);
  return found;
}

const doing = (action: string) => (payload: Payload) => payload.action === action;
const changesOf = (event: AuditEvent) =>
  event.targets.flatMap(({ changes }) => changes.map(c => [c.field, c.before?.text ?? null, c.after?.text ?? null]));
const repository = { id: 7, full_name: 'o/r' };
const sender = { login: 'octocat', id: 1, type: 'User', html_url: 'https://github.com/octocat' };

describe.each(versions)('the examples of $name', ({ examples }) => {
  test.each(examples)('$name gives valid events', ({ name, examples: payloads }) => {
    for (const payload of payloads) {
      const events = eventsOf(name, payload);
      expect(events.length).toBeGreaterThan(0);
      for (const event of events) {
        expect(event.request?.id).toBe('72d3162e-cc78-11e3-81ab-4c9367dc0958');
        expect(event.origin?.service).toBe('github');
        expect(event.attributes).toContainEqual({ key: 'github.event', value: { type: 'string', text: name } });
      }
    }
  });
});

describe('what is done', () => {
  test('a push: the branch with its commits before and after, at the time of the push', () => {
    const push = { ref: 'refs/heads/main', before: 'a1', after: 'b2', forced: true, commits: [{}, {}] };
    const pushed = { ...repository, pushed_at: 1_557_933_657 };
    const pusher = { name: 'octocat', email: 'octocat@github.com' };
    const event = eventOf('push', { ...push, repository: pushed, sender, pusher });
    expect(event.action).toBe('code.push');
    expect(event.targets.map(({ type, id }) => [type, id])).toEqual([
      ['branch', '7/heads/main'],
      ['repository', '7'],
    ]);
    expect(changesOf(event)).toEqual([['commit', 'a1', 'b2']]);
    expect(event.actor).toMatchObject({ kind: 'human', id: 'github:1', name: 'octocat', email: 'octocat@github.com' });
    expect(event.occurredAt).toBe(1_557_933_657_000_000);
    expect(event.change).toMatchObject({ perimeter: 'code', reference: 'repositories/7/commits/b2' });
    expect(event.attributes).toContainEqual({ key: 'push.forced', value: { type: 'boolean', text: 'true' } });
  });

  test('another person than the pusher does not get the address of the pusher', () => {
    const pusher = { name: 'somebody', email: 'somebody@example.com' };
    expect(eventOf('push', { repository, sender, pusher }).actor?.email).toBeNull();
  });

  test('a deployment and its end: environment, commit, and whether it went well', () => {
    const created = eventOf('deployment', example('deployment'));
    expect(created).toMatchObject({ action: 'deployment.create', outcome: 'success' });
    expect(created.origin).toMatchObject({
      environment: 'production',
      commit: 'f95f852bd8fca8fcc58a9a2d6c842781e32a215e',
      host: 'github.com',
    });
    expect(new Date(created.occurredAt / 1000).toISOString()).toBe('2019-05-15T15:20:53.000Z');
    const status = example('deployment_status');
    expect(eventOf('deployment_status', status)).toMatchObject({ action: 'deployment.finish', outcome: 'success' });
    const failed = { ...status, deployment_status: { state: 'failure' } };
    expect(eventOf('deployment_status', failed)).toMatchObject({ action: 'deployment.finish', outcome: 'failure' });
  });

  test('a review: an approval is named, a remark is not', () => {
    const pull_request = { number: 5, title: 'A title' };
    const reviewed = (state: string) => {
      const review = { id: 99, state, submitted_at: '2024-01-02T03:04:05Z' };
      return eventOf('pull_request_review', { action: 'submitted', review, pull_request, repository, sender });
    };
    expect(reviewed('approved').change?.approval).toBe('repositories/7/pulls/5/reviews/99');
    expect(reviewed('commented').change?.approval).toBeNull();
    expect(reviewed('commented')).toMatchObject({ action: 'review.submit', occurredAt: 1_704_164_645_000_000 });
  });

  test('members of teams and of organizations: persons', () => {
    const added = eventOf('membership', example('membership', doing('added')));
    expect(added.action).toBe('membership.add');
    expect(added.targets[0]).toMatchObject({ type: 'user', id: 'github:21031067', person: true });
    expect(added.targets[1]).toMatchObject({ type: 'team', id: '3253328' });
    const member = eventOf('organization', example('organization', doing('member_added')));
    expect([member.action, changesOf(member)]).toEqual(['membership.add', [['role', null, 'member']]]);
    expect(eventOf('membership', example('membership', doing('removed'))).action).toBe('membership.remove');
  });

  test('permissions: of a collaborator and of a team, before and after', () => {
    const edited = { action: 'edited', member: sender, repository, sender };
    const member = eventOf('member', { ...edited, changes: { permission: { from: 'read', to: 'admin' } } });
    expect([member.action, changesOf(member)]).toEqual(['permission.change', [['permission', 'read', 'admin']]]);
    const old = eventOf('member', { ...edited, changes: { old_permission: { from: 'write' } } });
    expect(changesOf(old)).toEqual([['permission', 'write', null]]);
    const changes = { repository: { permissions: { from: { admin: false, push: true } } } };
    const rights = { ...repository, permissions: { admin: true, push: true } };
    const team = eventOf('team', { action: 'edited', team: { id: 3 }, changes, repository: rights, sender });
    expect(team.action).toBe('permission.change');
    expect(changesOf(team)).toEqual([
      ['permissions.admin', 'false', 'true'],
      ['permissions.push', 'true', 'true'],
    ]);
  });

  test('the protection of a branch: each setting before and after', () => {
    const payload = example('branch_protection_rule', p => doing('edited')(p) && 'organization' in p);
    const event = eventOf('branch_protection_rule', payload);
    expect(event.action).toBe('branch-protection.change');
    expect(changesOf(event)).toContainEqual(['authorized_actors_only', 'false', 'true']);
  });

  test('a repository that goes public, or to another owner', () => {
    const publicized = eventOf('repository', example('repository', doing('publicized')));
    expect(changesOf(publicized)).toEqual([['visibility', 'private', 'public']]);
    const transferred = eventOf('repository', example('repository', doing('transferred')));
    expect(changesOf(transferred)[0]?.[0]).toMatch(/^owner/);
    expect(transferred.targets.map(({ type }) => type)).toContain('organization');
  });

  test('releases and pipelines', () => {
    expect(eventOf('release', example('release', doing('published'))).action).toBe('release.publish');
    const run = { id: 1, head_sha: 'c', conclusion: 'failure', updated_at: '2024-01-01T00:00:00Z' };
    const event = eventOf('workflow_run', { action: 'completed', workflow_run: run, repository, sender });
    expect(event).toMatchObject({ action: 'pipeline.finish', outcome: 'failure' });
    expect(event.change).toMatchObject({ perimeter: 'pipeline', run: 'repositories/7/actions/runs/1' });
  });

  test('a bot is a machine, and so is GitHub itself', () => {
    const bot = { id: 2, login: 'renovate[bot]', type: 'Bot' };
    expect(eventOf('push', { repository, sender: bot }).actor).toMatchObject({ kind: 'machine', id: 'github:2' });
    const advisory = eventOf('security_advisory', example('security_advisory'));
    expect(advisory.actor).toMatchObject({ kind: 'machine', id: 'github' });
  });

  test('what is gone has no time of its own', () => {
    const deleted = eventOf('branch_protection_rule', example('branch_protection_rule', doing('deleted')));
    expect(deleted.occurredAt).toBe(NOW);
  });
});

describe('what is left out', () => {
  const MARK = 'hunter2';
  const everywhere = {
    client_payload: { t: MARK },
    inputs: { t: MARK },
    config: { secret: MARK },
    key: { id: 1, key: MARK },
  };

  test.each([...new Set(versions[0]?.examples.map(({ name }) => name))])('secrets in %s', name => {
    const payload = {
      ...example(name),
      ...everywhere,
      hook: { id: 1, config: { secret: MARK, token: MARK } },
      changes: { config: { secret: { from: MARK, to: MARK } }, body: { from: MARK } },
    };
    const deployment = { id: 1, payload: { password: MARK } };
    expect(JSON.stringify(eventsOf(name, { deployment, ...payload }))).not.toContain(MARK);
  });

  test('that a secret was changed is kept', () => {
    const changes = { secret: { from: MARK, to: `${MARK}!` } };
    const event = eventOf('webhook_thing', { action: 'edited', webhook_thing: { id: 1 }, changes });
    expect(changesOf(event)).toEqual([['secret', '(secret)', '(secret)']]);
  });
});

describe('what nobody foresaw', () => {
  test('an event without a rule is told by its name', () => {
    const event = eventOf('secret_scanning_alert_location', { action: 'created', repository, sender });
    expect(event.action).toBe('secret-scanning-alert-location.create');
    expect(event.targets).toMatchObject([{ type: 'repository', id: '7' }]);
  });

  test('an app for more repositories than an event may have targets gives several events, and each repository once', () => {
    const repositories = Array.from({ length: 2 * LIMITS.targets + 3 }, (_, id) => ({ id, full_name: `o/${id}` }));
    const events = eventsOf('installation', { action: 'created', installation: { id: 1 }, repositories, sender });
    const named = events.flatMap(({ targets }) => targets.filter(({ type }) => type === 'repository'));
    expect(new Set(named.map(({ id }) => id)).size).toBe(repositories.length);
    expect(named.length).toBe(repositories.length);
    expect(events.every(({ targets }) => targets[0]?.type === 'installation')).toBe(true);
  });

  const names = versions[0]?.examples.map(({ name }) => name) ?? [];
  const anyName = fc.oneof(fc.constantFrom(...names), fc.string(), fc.constantFrom('__proto__', 'constructor', ''));

  test('any JSON under any name gives valid events', () => {
    fc.assert(
      fc.property(anyName, fc.jsonValue(), (name, payload) => {
        expect(eventsOf(name, payload).length).toBeGreaterThan(0);
      }),
    );
  });

  test('so does an example with one of its values replaced by anything', () => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary', maxLength: 2000 }),
      fc.constant('x'.repeat(300_000)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(), anything, (name, which, place, value) => {
        const payload = structuredClone(example(name));
        const slots = slotsOf(payload);
        const [holder, key] = slots[(which * 31 + place) % slots.length] ?? [payload, 'action'];
        holder[key] = value;
        expect(eventsOf(name, payload).length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Every place of a payload that has a value, as the object that holds it and the key. */
function slotsOf(value: unknown): [Payload, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Payload;
  return Object.keys(holder).flatMap((key): [Payload, string][] => [[holder, key], ...slotsOf(holder[key])]);
}
