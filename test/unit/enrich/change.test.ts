import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChangeHistory, keptChanges } from '../../../consumers/normalizer/enrich/change-history.ts';
import { type ChangeKey, changesOf, type Mark } from '../../../consumers/normalizer/enrich/change-of.ts';
import { formatChange, parseChange } from '../../../consumers/normalizer/enrich/change-value.ts';
import { createLiveChange } from '../../../consumers/normalizer/enrich/live-change.ts';
import { mapGitHubWebhook } from '../../../producers/gateway/github/index.ts';
import { readInput } from '../../../producers/sdk/read-input.ts';
import type { AuditRecord, Change } from '../../../schemas/index.ts';
import { from, minute, record, target, ten, valuesOf } from './records.ts';

const noRepository = () => [];
const change = (perimeter: string, more: Partial<Change> = {}): Change => ({
  perimeter,
  reference: null,
  run: null,
  approval: null,
  ...more,
});
const kindsOf = (more: Partial<AuditRecord>) =>
  changesOf(record({ ...from('billing'), ...more }), noRepository).map(({ key }) => key.kind);

describe('which events put a change in force', () => {
  test.each<[string, string[]]>([
    ['deployment.finish', ['deployment']],
    ['deployment.rollback', ['deployment']],
    ['deploy.succeed', ['deployment']],
    ['rollout.complete', ['deployment']],
    ['migration.apply', ['migration']],
    ['migration.schema.apply', ['migration']],
    ['migration.finish', ['migration']],
    ['migration.roll-back', ['migration']],
    ['migration.start', []],
    ['config.update', ['configuration']],
    ['configuration.change', ['configuration']],
    ['settings.create', ['configuration']],
    ['feature-flag.delete', ['configuration']],
    ['deployment.create', []],
    ['deployment.start', []],
    ['deployment.update', []],
    ['deployment.request-approval', []],
    ['deployment.approve', []],
    ['migration.plan', []],
    ['config.propose', []],
    ['account.close', []],
    ['release.publish', []],
    ['audit.heartbeat', []],
  ])('%s: %j', (action, kinds) => expect(kindsOf({ action })).toEqual(kinds));

  test.each<[string, string, string[]]>([
    ['account.update', 'migration', ['migration']],
    ['branch-protection.create', 'Configuration', ['configuration']],
    ['code.push', 'code', []],
    ['workflow.run', 'pipeline', []],
    ['deployment.finish', 'pipeline', ['deployment']],
    ['deployment.start', 'deployment', []],
    ['account.update', '__proto__', []],
  ])('%s as part of a change of %s: %j', (action, perimeter, kinds) =>
    expect(kindsOf({ action, change: change(perimeter) })).toEqual(kinds),
  );

  test('not one that failed, was denied or refused', () => {
    expect(kindsOf({ action: 'deployment.finish', outcome: 'failure' })).toEqual([]);
    expect(kindsOf({ action: 'deployment.finish', outcome: 'denied' })).toEqual([]);
    const refused = { code: 'invalid', message: '', problems: [] };
    expect(kindsOf({ action: 'deployment.finish', refused })).toEqual([]);
  });
});

describe('which change', () => {
  const finished = (more: Partial<AuditRecord>, servicesIn: (name: string) => readonly string[] = noRepository) =>
    changesOf(
      record({ action: 'deployment.finish', ...from('deployer', 'production', { version: '9' }), ...more }),
      servicesIn,
    );

  test('of the services among its targets; of those in its repository; of the one that says so', () => {
    const services = [target('service', 'a'), target('component', 'b'), target('service', 'a')];
    expect(finished({ targets: services }).map(({ key }) => key.service)).toEqual(['a', 'b']);
    const repository = [target('repository', '4711', { name: 'Example/Billing' })];
    const servicesIn = (name: string) => (name === 'example/billing' ? ['billing', 'mail'] : []);
    expect(finished({ targets: repository }, servicesIn).map(({ key }) => key.service)).toEqual(['billing', 'mail']);
    expect(finished({ targets: repository }).map(({ key }) => key.service)).toEqual(['deployer']);
    expect(finished({ origin: null })).toEqual([]);
  });

  test('by attributes, or by the origin where that is the service itself', () => {
    const text = (key: string, value: string) => ({ key, value: { type: 'string' as const, text: value } });
    const attributes = [text('environment', 'staging'), text('version', '2.0'), text('commit', 'abc')];
    const targets = [target('service', 'billing')];
    const details = change('deployment', { reference: 'PR-7', run: 'run/1', approval: 'review/2' });
    const [said] = finished({ targets, attributes, change: details });
    expect(said?.key).toEqual({ service: 'billing', environment: 'staging', kind: 'deployment' });
    expect(said?.mark).toMatchObject({
      version: '2.0',
      commit: 'abc',
      reference: 'PR-7',
      run: 'run/1',
      approval: 'review/2',
    });
    expect(finished({ targets })[0]?.mark).toMatchObject({ version: null, commit: null });
    expect(finished({})[0]?.mark).toMatchObject({ version: '9' });
  });

  test('an attribute in words is no version', () => {
    const attributes = [{ key: 'version', value: { type: 'string' as const, text: 'Ada Lovelace' } }];
    expect(finished({ targets: [target('service', 'billing')], attributes })[0]?.mark.version).toBeNull();
  });

  test('a time behind its receipt is that of the receipt: nothing is received before it happens', () => {
    const received = { at: ten, source: 'broker' as const };
    expect(finished({ occurredAt: ten + 60 * minute, received })[0]?.mark.since).toBe(ten);
    expect(finished({ occurredAt: ten - minute, received })[0]?.mark.since).toBe(ten - minute);
  });

  test('what is longer than can be kept is left out', () => {
    const long = 'x'.repeat(2000);
    expect(finished({ ...from('deployer', long) })).toEqual([]);
    expect(finished({ targets: [target('service', long)] })).toEqual([]);
    expect(finished(from('deployer', null, { version: long }))[0]?.mark.version).toBeNull();
  });
});

test("GitHub's deployments find the services that the catalogue builds from the repository", () => {
  const examples: { name: string; examples: Record<string, unknown>[] }[] = JSON.parse(
    readFileSync('node_modules/@octokit/webhooks-examples/api.github.com/index.json', 'utf8'),
  );
  const payload = examples.find(({ name }) => name === 'deployment_status')?.examples[0] ?? {};
  const seen = (state: string) => {
    const body = { ...payload, deployment_status: { ...Object(payload.deployment_status), state } };
    const origin = { service: 'gateway', version: null, commit: null, environment: null, region: null, host: null };
    const stamps = { origin, id: () => record().id, now: () => ten, reserved: false };
    return mapGitHubWebhook('deployment_status', body, { deliveryId: 'd' })
      .map(input => record({ ...readInput(input, stamps), received: { at: ten, source: 'broker' } }))
      .flatMap(event => changesOf(event, name => (name === 'codertocat/hello-world' ? ['hello'] : [])));
  };
  expect(seen('in_progress')).toEqual([]);
  expect(seen('failure')).toEqual([]);
  expect(seen('success')).toMatchObject([
    {
      key: { service: 'hello', environment: 'production', kind: 'deployment' },
      mark: {
        action: 'deployment.finish',
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
        reference: expect.stringContaining('commits/'),
      },
    },
  ]);
});

const key: ChangeKey = { service: 'billing', environment: 'production', kind: 'deployment' };
const mark = (event: string, since: number, more: Partial<Mark> = {}): Mark => ({
  event,
  action: 'deployment.finish',
  since,
  reference: null,
  run: null,
  approval: null,
  version: null,
  commit: null,
  ...more,
});

describe('history', () => {
  const marks = fc.uniqueArray(
    fc
      .record({ event: fc.uuid(), since: fc.integer({ min: 0, max: 50 }) })
      .map(({ event, since }) => mark(event, since)),
    { selector: ({ event }) => event, maxLength: 40 },
  );

  test('the same, in whatever order and how often changes are seen; the latest are kept', () => {
    fc.assert(
      fc.property(
        marks.chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const [one, other] = [new ChangeHistory(), new ChangeHistory()];
          for (const each of list) one.take(key, [each]);
          other.take(key, shuffled);
          other.take(key, list);
          const inOrder = [...list].sort((a, b) => a.since - b.since || (a.event < b.event ? -1 : 1));
          expect(one.marks(key)).toEqual(inOrder.slice(-keptChanges));
          expect(other.marks(key)).toEqual(one.marks(key));
        },
      ),
    );
  });

  test('instances that tell each other what they have end with the same, and then are silent', () => {
    fc.assert(
      fc.property(marks, marks, (mine, yours) => {
        const sides = [new ChangeHistory(), new ChangeHistory()] as const;
        const topic: Mark[][] = [];
        for (const [side, list] of [mine, yours].entries())
          for (const each of list) if (sides[side]?.take(key, [each], true)) topic.push(sides[side]?.marks(key) ?? []);
        for (let read = 0; read < topic.length; read++) {
          const value = topic[read] ?? [];
          for (const side of sides) {
            side.take(key, value);
            if (side.hasMore(key, value)) topic.push(side.marks(key));
          }
          expect(read).toBeLessThan(1000);
        }
        expect(sides[0].marks(key)).toEqual(sides[1].marks(key));
      }),
      { numRuns: 50 },
    );
  });

  test('the thousand events of one migration are one change, since the first of them', () => {
    const history = new ChangeHistory();
    history.take(key, [mark('old', 1, { version: '1' })]);
    for (let index = 1000; index > 0; index--) history.take(key, [mark(`m${index}`, 10 + index, { run: 'run/1' })]);
    history.take(key, [mark('new', 5000, { version: '2' }), mark('late', 1500, { run: 'run/1' })]);
    expect(history.marks(key).map(({ event }) => event)).toEqual(['old', 'm1', 'new']);
  });

  test('going back to an earlier version is a change of its own', () => {
    const history = new ChangeHistory();
    history.take(key, [mark('a', 1, { version: '1' }), mark('b', 2, { version: '2' }), mark('c', 3, { version: '1' })]);
    expect(history.marks(key).map(({ event }) => event)).toEqual(['a', 'b', 'c']);
  });

  test('bounded: services that nobody asks for are forgotten', () => {
    const history = new ChangeHistory();
    for (let index = 0; index < 100_500; index++) {
      history.take({ ...key, service: `s${index}` }, [mark('e', 1)]);
      if (index % 1000 === 0) history.find('s0', 'production');
    }
    expect(history.services).toBeLessThanOrEqual(100_000);
    expect(history.find('s0', 'production')).toHaveLength(1);
    expect(history.find('s1', 'production')).toEqual([]);
  });
});

describe('the mark on an event', () => {
  const history = new ChangeHistory();
  history.take(key, [mark('d1', ten, { version: '1' }), mark('d2', ten + 10 * minute, { version: '2' })]);
  history.take({ ...key, kind: 'migration' }, [mark('m1', ten + 5 * minute, { run: 'run/5' })]);
  history.take({ ...key, environment: '', kind: 'configuration' }, [mark('c1', ten + 20 * minute)]);
  const live = createLiveChange(history);
  const at = (minutes: number, service = 'billing', environment: string | null = 'production') =>
    valuesOf(live.enrich(record({ occurredAt: ten + minutes * minute, ...from(service, environment) }))[0]);

  test.each<[number, string | undefined, string[]]>([
    [-1, undefined, []],
    [0, 'deployment', ['d1']],
    [5, 'migration', ['m1', 'd1']],
    [9, 'migration', ['m1', 'd1']],
    [10, 'deployment', ['d2', 'm1']],
    [30, 'configuration', ['c1', 'd2', 'm1']],
  ])('after %i minutes: the latest is a %s', (minutes, latest, events) => {
    const values = at(minutes);
    expect(values.latest).toBe(latest);
    expect(Object.entries(values).flatMap(([name, value]) => (name.endsWith('.event') ? [value] : []))).toEqual(events);
  });

  test('a change that comes to be known later counts from then on, and for earlier events too', () => {
    const later = new ChangeHistory();
    const enricher = createLiveChange(later);
    const known = (minutes: number) =>
      valuesOf(enricher.enrich(record({ occurredAt: ten + minutes * minute, ...from('billing') }))[0])[
        'deployment.event'
      ];
    expect([known(0), known(9)]).toEqual([undefined, undefined]);
    later.take(key, [mark('d1', ten)]);
    expect([known(-1), known(0), known(9)]).toEqual([undefined, 'd1', 'd1']);
    later.take(key, [mark('d2', ten + 5 * minute)]);
    later.take({ ...key, environment: '' }, [mark('d3', ten + 7 * minute)]);
    expect([4, 5, 6, 7, 9, 5, 4, -1].map(known)).toEqual(['d1', 'd2', 'd2', 'd3', 'd3', 'd2', 'd1', undefined]);
  });

  test('what it says', () => {
    expect(at(6)).toEqual({
      latest: 'migration',
      'migration.event': 'm1',
      'migration.action': 'deployment.finish',
      'migration.since': '2026-01-05T10:05:00.000Z',
      'migration.run': 'run/5',
      'deployment.event': 'd1',
      'deployment.action': 'deployment.finish',
      'deployment.since': '2026-01-05T10:00:00.000Z',
      'deployment.version': '1',
    });
  });

  test('is of its service and environment alone; a change that names no environment holds in all', () => {
    expect(at(15, 'orders')).toEqual({});
    expect(at(15, 'billing', 'staging')).toEqual({});
    expect(at(30, 'billing', 'staging')).toMatchObject({ latest: 'configuration' });
    expect(at(30, 'billing', null)).toMatchObject({ latest: 'configuration' });
    expect(live.enrich(record())).toEqual([]);
    expect(live.enrich(record(from('orders')))).toMatchObject([{ status: 'missing', about: 'origin.service' }]);
  });

  test('an event whose clock is ahead is not marked with a change that came after its receipt', () => {
    const event = record({
      ...from('billing'),
      occurredAt: ten + 30 * minute,
      received: { at: ten, source: 'broker' },
    });
    expect(valuesOf(live.enrich(event)[0])['deployment.event']).toBe('d1');
  });
});

describe('in the topic', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  test('what is written is read', () => {
    const { key: name, value } = formatChange(key, [mark('a', 1, { version: '1' }), mark('b', 2)]);
    expect(name).toBe('["billing","production","deployment"]');
    expect(parseChange(bytes(name), bytes(value))).toEqual({
      key,
      marks: [mark('a', 1, { version: '1' }), mark('b', 2)],
    });
  });

  test.each([
    [null, null],
    ['', ''],
    ['x', '{"v":1,"changes":[]}'],
    ['["a","b","access"]', '{"v":1,"changes":[]}'],
    ['["a","b","deployment"]', '{"v":2,"changes":[]}'],
    ['["a","b","deployment"]', '{"v":1,"changes":[{"event":"a"}]}'],
    ['["a","b","deployment"]', `{"v":1,"changes":[${JSON.stringify(mark('a', -1))}]}`],
    ['["a","b","deployment"]', `{"v":1,"changes":[${JSON.stringify(mark('a', 1e300))}]}`],
    ['["a","b","deployment"]', `{"v":1,"changes":[${JSON.stringify(mark('a', 1, { run: 'x'.repeat(600) }))}]}`],
  ])('what is none of ours is passed over: %s %s', (name, value) => {
    expect(parseChange(name === null ? null : bytes(name), value === null ? null : bytes(value))).toBeNull();
  });

  test('bytes of any kind throw nothing', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (name, value) => void parseChange(name, value)));
  });
});
