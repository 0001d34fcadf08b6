// A normalizer that does not look at the end of its output: it goes on from the archive's end, which lies behind what is committed.
import { replaceIn } from './replace.ts';

replaceIn(
  'consumers/normalizer/partition.ts',
  'await findLastSeal(client, eventsTopic, context)',
  '((await findLastSeal(client, eventsTopic, context)) && { found: null, foreign: 0 })',
);
