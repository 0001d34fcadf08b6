// A normalizer that fences nobody: each producer has an id of its own, so whoever was replaced can still commit.
import { replaceIn } from './replace.ts';

replaceIn('consumers/normalizer/output.ts', 'transactionalId: `', `transactionalId: \`\${Math.random()}-`);
