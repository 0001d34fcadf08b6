// Invariant 5, at the topics: what would quietly weaken evidence is a problem, with what to do.

import { expect, test } from 'vitest';
import { checkTopics, type TopicFacts } from '../../../consumers/normalizer/start-checks.ts';
import { parseDuration } from '../../../core/proof/period.ts';

const settings = {
  origin: 'test.example',
  rawTopic: 'raw',
  eventsTopic: 'events',
  generation: 0,
  period: parseDuration('PT1H'),
};
const topic = (partitions: number, config: Record<string, string> = {}): TopicFacts => ({
  partitions,
  config: new Map(Object.entries({ 'cleanup.policy': 'delete', 'max.message.bytes': '1048588', ...config })),
});
const raw = topic(3, { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '604800000' });
const events = topic(3, { 'max.message.bytes': '4194304' });

test('topics as they should be', () => {
  expect(checkTopics(settings, raw, events)).toEqual({
    problems: [],
    warnings: [],
    retentionMs: 604_800_000,
    maxMessageBytes: 4_194_304,
  });
  expect(checkTopics(settings, raw, { ...events, partitions: 4 }).problems).toEqual([]);
});

test.each<[string, TopicFacts | null, TopicFacts | null, string]>([
  ['no raw topic', null, events, 'raw'],
  ['no events topic', raw, null, 'events'],
  ['fewer partitions of events than of raw', raw, { ...events, partitions: 2 }, 'events'],
  ['events that a refusal would not fit', raw, topic(3), 'events'],
  ['a raw topic that is compacted', topic(3, { 'cleanup.policy': 'compact,delete' }), events, 'raw'],
])('%s', (_name, rawFacts, eventsFacts, name) => {
  const { problems } = checkTopics(settings, rawFacts, eventsFacts);
  expect(problems.map(problem => problem.name)).toEqual([name]);
});

test('a time that producers set is warned of, and so is what could not be looked at', () => {
  const create = topic(3, { 'message.timestamp.type': 'CreateTime' });
  expect(checkTopics(settings, create, events).warnings).toEqual([expect.stringContaining("producer's claim")]);
  const hidden = { partitions: 3, config: new Map() };
  const found = checkTopics(settings, hidden, hidden);
  expect(found).toMatchObject({
    problems: [],
    retentionMs: null,
    warnings: [expect.stringContaining('DescribeConfigs')],
  });
});
