import { expect, test } from 'vitest';
import { generatePem, nodeCrypto } from '../../../core/edge/crypto.ts';
import { base64 } from '../../../core/proof/bytes.ts';
import { leafHash, treeRoot } from '../../../core/proof/merkle.ts';
import { openNote } from '../../../core/proof/note.ts';
import { parseSource, SOURCE_HEADER, sourceKeyName } from '../../../core/proof/source.ts';
import type { KafkaTransportSettings } from '../../../producers/sdk/kafka-transport.ts';
import { resolveOptions } from '../../../producers/sdk/options.ts';
import { recordsOf, type SentRecord, sourceFromPem } from '../../../producers/sdk/source-proof.ts';

const prefix = Buffer.from([0, 0, 0, 0, 7]);
const place = { topic: 'audit.raw', partition: 2 };
const source = sourceFromPem('billing', generatePem());

const message = (sequence: number, instance = 'i-1') => ({
  key: `k-${sequence}`,
  datum: Buffer.from(`event ${sequence}`),
  headers: { 'tidemark-instance': instance, 'tidemark-sequence': `${sequence}` },
});

function openProof({ headers }: SentRecord) {
  const note = openNote(nodeCrypto, Buffer.from(headers[SOURCE_HEADER] ?? ''), [source.signer.key]);
  const group = parseSource(note.text);
  return { ...group, root: base64(group.root) };
}

const rootOf = (records: readonly SentRecord[]) => {
  const leaves = records.map(({ value }) => leafHash(nodeCrypto.sha256, value));
  return base64(treeRoot(nodeCrypto.sha256, leaves));
};

test.each([1, 2, 3, 7, 64, 1000])('a group of %i has one signature, at its end, over all of it', count => {
  const messages = Array.from({ length: count }, (_, n) => message(10 + 3 * n));
  const records = recordsOf(messages, () => prefix, place, source);
  expect(records.filter(({ headers }) => SOURCE_HEADER in headers)).toEqual(records.slice(-1));
  const root = rootOf(records);
  const numbers = { instance: 'i-1', first: 10, last: 10 + 3 * (count - 1) };
  expect(records.slice(-1).map(openProof)).toEqual([{ service: 'billing', ...place, numbers, records: count, root }]);
});

test('signed or not, the records are otherwise the same', () => {
  const messages = [message(0), message(1)];
  const plain = recordsOf(messages, () => prefix, place, undefined);
  expect(plain).toEqual(
    messages.map(({ key, datum, headers }) => ({ partition: 2, key, value: Buffer.concat([prefix, datum]), headers })),
  );
  const signed = recordsOf(messages, () => prefix, place, source);
  expect(signed.map(({ headers: { [SOURCE_HEADER]: _, ...headers }, ...rest }) => ({ ...rest, headers }))).toEqual(
    plain,
  );
});

test('where a request has the numbers of two instances, each has its own proof', () => {
  const records = recordsOf([message(4, 'a'), message(5, 'a'), message(0, 'b')], () => prefix, place, source);
  const proven = records.filter(({ headers }) => SOURCE_HEADER in headers);
  expect(proven).toEqual([records[1], records[2]]);
  const backwards = recordsOf([message(4), message(2)], () => prefix, place, source);
  expect(backwards.map(openProof)).toMatchObject([
    { numbers: { first: 4, last: 4 } },
    { numbers: { first: 2, last: 2 } },
  ]);
  expect(proven.map(openProof)).toMatchObject([
    { numbers: { instance: 'a', first: 4, last: 5 }, records: 2, root: rootOf(records.slice(0, 2)) },
    { numbers: { instance: 'b', first: 0, last: 0 }, records: 1, root: rootOf(records.slice(2)) },
  ]);
});

test('the key comes by option or environment, is checked at once, and is not shown', () => {
  const enough = { service: 'billing', brokers: 'a:1', registry: 'http://r' };
  const sourceIn = (options: object, env: Record<string, string> = {}) =>
    (resolveOptions({ ...enough, ...options }, env).transport as KafkaTransportSettings).source;
  expect(sourceIn({})).toBeUndefined();
  const pem = generatePem();
  expect(sourceIn({}, { TIDEMARK_SOURCE_KEY: pem.replaceAll('\n', '\\n') })?.signer.key.name).toBe('billing/source');
  expect(sourceIn({ sourceKey: pem })?.signer.key).toEqual(sourceFromPem('billing', pem).signer.key);
  expect(sourceKeyName('billing')).toBe('billing/source');
  expect(() => sourceIn({ sourceKey: '/nowhere/key.pem' })).toThrow(/sourceKey: found no file \/nowhere\/key\.pem,/);
  expect(() => sourceIn({ sourceKey: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0' })).toThrow(
    /^(?!.*c2VjcmV0).*sourceKey: /,
  );
  expect(() => sourceIn({ sourceKey: pem, service: 'the billing' })).toThrow(/service: expected a name/);
});
