// A normalizer that fences nobody: each producer has an id of its own, so whoever was replaced can still commit. Its runs are kept open
// for longer: one that is stopped within a transaction does no harm, and on a busy machine it is there most of the time.
import { replaceIn } from './replace.ts';

replaceIn('consumers/normalizer/output.ts', 'transactionalId: `', `transactionalId: \`\${Math.random()}-`);
replaceIn('consumers/normalizer/partition.ts', 'ageMs: 80', 'ageMs: 2000');
