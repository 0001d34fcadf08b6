// The verdicts of a batch's records, each group judged when its first record is asked for: a signature is checked once, and never for more
// than is about to be prepared.

import { nodeCrypto } from '../../../core/edge/crypto.ts';
import type { FetchedBatch, FetchedRecord } from '../../../core/edge/kafka/index.ts';
import { judgeGroup, NO_PROOF, type SourceVerdict } from './judge-group.ts';
import type { Services } from './services.ts';

/** Answers for the records of a batch, asked for in their order. What is in no group has no proof. */
export function verdictsOf(
  { topic, partition, groups }: Pick<FetchedBatch, 'topic' | 'partition' | 'groups'>,
  services: () => Services,
): (record: FetchedRecord) => SourceVerdict {
  let next = 0;
  let verdicts = new Map<bigint, SourceVerdict>();
  let end = -1n;
  return ({ offset }) => {
    while (offset > end && next < groups.length) {
      const group = groups[next++] ?? [];
      end = group.at(-1)?.offset ?? end;
      if (offset > end) continue;
      const context = { crypto: nodeCrypto, topic, partition, services: services(), now: Date.now() };
      verdicts = new Map(judgeGroup(group, context).map((verdict, index) => [group[index]?.offset ?? -1n, verdict]));
    }
    return verdicts.get(offset) ?? NO_PROOF;
  };
}
