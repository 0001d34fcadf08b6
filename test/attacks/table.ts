// All attacks, in the order of what the attacker holds.

import { archiverAttacks } from './archiver.ts';
import type { Attack } from './attack.ts';
import { bothAttacks } from './both.ts';
import { copyAttacks } from './copy.ts';
import { normalizerAttacks } from './normalizer.ts';
import { versionAttacks } from './versions.ts';

export const attacks: readonly Attack[] = [
  ...copyAttacks,
  ...versionAttacks,
  ...archiverAttacks,
  ...normalizerAttacks,
  ...bothAttacks,
];
