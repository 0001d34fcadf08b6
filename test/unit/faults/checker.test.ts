// The checker of the fault runs sees each kind of damage, and imports nothing of what it checks.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, type Evidence, type SeenEvent } from '../../faults/checker.ts';
import type { Ledger, Outcome } from '../../faults/ledger.ts';
import { parseImports } from '../../rooms.ts';

const root = new URL('../../..', import.meta.url).pathname;

function event(offset: number, number: number | null, more: Partial<SeenEvent> = {}): SeenEvent {
  return {
    raw: `0/0/${offset}`,
    generation: 0,
    partition: 0,
    offset,
    id: `id-${number ?? `h${offset}`}`,
    action: number === null ? 'audit.heartbeat' : 'order.create',
    ledger: number === null ? null : { producer: 'p', number, key: 'k' },
    numbered: number === null ? null : { instance: 'i', sequence: number },
    digest: `digest-${offset}`,
    ...more,
  };
}

function ledger(...outcomes: Outcome[]): Ledger {
  const entries = new Map(outcomes.map((outcome, number) => [number, { key: 'k', outcome }]));
  return { producer: 'p', instances: ['i'], entries, ended: true };
}

function rawOf(events: readonly SeenEvent[]): Map<string, { isNumbered: boolean }> {
  return new Map(events.map(({ raw, ledger: numbered }) => [raw, { isNumbered: numbered !== null }]));
}

/** Three acknowledged events and a heartbeat, each where it belongs. */
function whole(): { -readonly [key in keyof Evidence]: Evidence[key] } {
  const events = [event(0, 0), event(1, null), event(2, 1), event(3, 2)];
  return {
    ledgers: [ledger('acknowledged', 'acknowledged', 'acknowledged')],
    raw: rawOf(events),
    topic: events,
    archive: events,
    versions: [{ key: 'archive.json', isDeleteMarker: false }],
    isTopicYounger: false,
  };
}

const kinds = (evidence: Evidence) => [...new Set(compare(evidence).problems.map(({ kind }) => kind))].sort();

describe('compare', () => {
  it('finds nothing where all is well', () => {
    expect(compare(whole())).toMatchObject({ problems: [], acknowledged: 3, archived: 4, sentAgain: 0 });
  });

  it('lets an unknown event be there or not, and come again when its producer sent it again', () => {
    const evidence = whole();
    evidence.ledgers = [ledger('acknowledged', 'acknowledged', 'unknown', 'unknown')];
    const again = event(4, 2);
    evidence.archive = [...evidence.archive, again];
    evidence.topic = evidence.archive;
    evidence.raw = rawOf(evidence.archive);
    expect(compare(evidence)).toMatchObject({ problems: [], unknown: 2, unknownThere: 1, sentAgain: 1 });
  });

  it('lets what came before the topic was made anew be in the archive alone', () => {
    const evidence = { ...whole(), isTopicYounger: true };
    evidence.topic = evidence.archive.slice(2);
    expect(kinds(evidence)).toEqual([]);
    evidence.topic = evidence.archive.filter(({ offset }) => offset !== 2);
    expect(kinds(evidence)).toEqual(['differs']);
  });

  it('knows an older raw topic from a younger one', () => {
    const evidence = { ...whole(), isTopicYounger: true };
    const younger = event(0, null, { raw: '1/0/0', generation: 1 });
    evidence.archive = [...evidence.archive, younger];
    evidence.raw = rawOf(evidence.archive);
    evidence.topic = [younger];
    expect(kinds(evidence)).toEqual([]);
    evidence.isTopicYounger = false;
    expect(kinds(evidence)).toEqual(['differs']);
    evidence.archive = [younger, ...whole().archive];
    expect(kinds(evidence)).toEqual(['differs', 'order']);
  });

  it('lets the last heartbeats of a partition be unsealed, and nothing else', () => {
    const evidence = whole();
    evidence.raw = rawOf([...evidence.archive, event(4, null), event(5, null)]);
    expect(kinds(evidence)).toEqual([]);
    evidence.raw = rawOf([...evidence.archive, event(4, null), event(5, 3)]);
    expect(kinds(evidence)).toEqual(['lost']);
  });

  const damages: [string, string[], (evidence: ReturnType<typeof whole>) => void][] = [
    ['an event is missing', ['differs', 'lost'], e => (e.archive = e.archive.filter(({ offset }) => offset !== 2))],
    ['all is missing', ['differs', 'lost'], e => (e.archive = [])],
    ['a heartbeat is missing', ['differs', 'lost'], e => (e.archive = e.archive.filter(({ offset }) => offset !== 1))],
    ['it is twice in the archive', ['doubled', 'order'], e => (e.archive = [...e.archive, event(2, 1)])],
    ['it is twice in the topic', ['doubled', 'order'], e => (e.topic = [...e.topic, event(2, 1)])],
    [
      'one number became two events',
      ['doubled'],
      e => {
        e.archive = [...e.archive, event(4, 2, { id: 'other' })];
        e.topic = e.archive;
        e.raw = rawOf(e.archive);
      },
    ],
    [
      'nobody sent it',
      ['unseen'],
      e => {
        e.archive = [...e.archive, event(4, 7)];
        e.topic = e.archive;
        e.raw = rawOf(e.archive);
      },
    ],
    ['the raw topic has no such record', ['unseen'], e => (e.raw = new Map([...e.raw].slice(0, 3)))],
    ['it had failed', ['unseen'], e => (e.ledgers = [ledger('acknowledged', 'acknowledged', 'failed')])],
    [
      'it was refused',
      ['lost', 'refused'],
      e => {
        e.archive = e.archive.map(one => (one.offset === 2 ? event(2, null, { action: 'audit.refuse' }) : one));
        e.topic = e.archive;
      },
    ],
    [
      'a key is out of order',
      ['order'],
      e => {
        e.archive = [event(0, 1), event(1, null), event(2, 0), event(3, 2)];
        e.topic = e.archive;
      },
    ],
    [
      'the archive is out of order',
      ['order'],
      e => {
        const [first, second, ...rest] = e.archive;
        if (first && second) e.archive = [second, first, ...rest];
      },
    ],
    [
      'a byte differs',
      ['differs'],
      e => (e.topic = e.topic.map(one => (one.offset === 2 ? { ...one, digest: 'x' } : one))),
    ],
    ['the topic lacks one', ['differs'], e => (e.topic = e.topic.slice(1))],
    [
      'its number is another',
      ['numbering'],
      e => {
        e.archive = e.archive.map(one => (one.offset === 2 ? event(2, 1, { numbered: null }) : one));
      },
    ],
    ['a key has two versions', ['version'], e => (e.versions = [...e.versions, ...e.versions])],
    ['a delete marker', ['version'], e => (e.versions = [{ key: 'events/x', isDeleteMarker: true }])],
  ];
  it.each(damages)('sees that %s', (_, expected, damage) => {
    const evidence = whole();
    damage(evidence);
    expect(kinds(evidence)).toEqual(expected);
  });
});

describe('the checker', () => {
  it('shares no code with the pipeline', () => {
    const packages = new Set<string>();
    const files = new Set<string>();
    const follow = (path: string): void => {
      if (files.has(path)) return;
      files.add(path);
      for (const { specifier } of parseImports(readFileSync(join(root, path), 'utf8'))) {
        if (specifier?.startsWith('.')) follow(posix.join(posix.dirname(path), specifier));
        else packages.add(`${specifier}`);
      }
    };
    const own = readdirSync(join(root, 'test/faults')).filter(name => name.startsWith('checker'));
    for (const name of own) follow(`test/faults/${name}`);
    expect([...files].sort()).toEqual([...own, 'ledger.ts'].map(name => `test/faults/${name}`).sort());
    const outside = [...packages].filter(name => !name.startsWith('node:'));
    expect(outside.sort()).toEqual(['@aws-sdk/client-s3', 'avsc', 'kafkajs']);
  });
});
