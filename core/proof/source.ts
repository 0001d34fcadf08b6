// The proof of source: a service's signature over a group, the records that it sent to one partition in one request.
//
//   tidemark-source/1
//   <service>
//   <raw topic> <partition>
//   <instance> <first sequence> <last sequence>       where the events are not numbered: "-" alone
//   <records>
//   <base64 Merkle root of the records' values>
//
// A signed note in a header of the group's last record. Leaves are values as they are in the topic, the registry's prefix with them:
// under another schema's id the same datum could say something else. Topic and partition are named so that a group that is copied to
// another place is no group there.

import { base64, parseBase64, parseCount } from './bytes.ts';
import { ProofError } from './error.ts';
import { isKeyName } from './note.ts';

/** The Kafka header of a group's last record that carries its proof. */
export const SOURCE_HEADER = 'tidemark-source';

const maxServiceLength = 200;

/** Whether a service of this name can sign: it stands in a line of its own, and in the name of its key. */
export function isSourceName(service: string): boolean {
  return isKeyName(service) && service.length <= maxServiceLength;
}

/** Name of a service's keys. */
export function sourceKeyName(service: string): string {
  return `${service}/source`;
}

/** Numbers that a producer's instance gave to the events of a group: from `first` to `last`, perhaps with others in between. */
export interface SourceNumbers {
  readonly instance: string;
  readonly first: number;
  readonly last: number;
}

export interface SourceGroup {
  readonly service: string;
  /** Raw topic. */
  readonly topic: string;
  readonly partition: number;
  /** Null: the events are not numbered. */
  readonly numbers: SourceNumbers | null;
  readonly records: number;
  readonly root: Uint8Array;
}

export function formatSource({ service, topic, partition, numbers, records, root }: SourceGroup): string {
  const range = numbers === null ? '-' : `${numbers.instance} ${numbers.first} ${numbers.last}`;
  return ['tidemark-source/1', service, `${topic} ${partition}`, range, `${records}`, base64(root), ''].join('\n');
}

/** Parses a proof's text; throws `malformed-source`. Nothing of what it says is believed before its signature was checked. */
export function parseSource(text: string): SourceGroup {
  const lines = text.split('\n');
  if (lines.length !== 7 || lines[6] !== '' || lines[0] !== 'tidemark-source/1') fail('the six lines of its form');
  const [, service = '', place = '', range = '', count = '', rootText = ''] = lines;
  if (!isSourceName(service)) fail('a service on its second line');
  const [topic = '', partitionText = '', ...more] = place.split(' ');
  const partition = parseCount(partitionText);
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || partition === null || more.length > 0) fail('a topic and a partition');
  const records = parseCount(count);
  const root = parseBase64(rootText);
  if (records === null || records < 1) fail('a count of records');
  if (root?.length !== 32) fail('the base64 of 32 bytes');
  return { service, topic, partition, numbers: parseNumbers(range), records, root };
}

function parseNumbers(line: string): SourceNumbers | null {
  if (line === '-') return null;
  const [instance = '', firstText = '', lastText = '', ...more] = line.split(' ');
  const [first, last] = [parseCount(firstText), parseCount(lastText)];
  const isRange = first !== null && last !== null && first <= last;
  if (!isRange || !isSourceInstance(instance) || more.length > 0) fail('an instance and a range of its numbers');
  return { instance, first, last };
}

/** Whether an instance of this id can stand in a proof. */
export function isSourceInstance(instance: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(instance) && instance !== '-';
}

function fail(expected: string): never {
  throw new ProofError('malformed-source', `not a proof of source: expected ${expected}`);
}
