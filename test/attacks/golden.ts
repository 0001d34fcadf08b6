// Attacks on the golden archive, as rows: what is done to its objects, what is found, and where.

import type { FindingCode } from '../../core/proof/finding.ts';
import { cloneObjects, loadGolden, type Objects } from '../archive-objects.ts';
import { goldenTrust } from '../unit/auditor/verifying.ts';
import type { Attack, Holder } from './attack.ts';

export const golden = loadGolden();

export interface AlterationRow {
  readonly name: string;
  readonly play: (objects: Objects) => void;
  /** Kinds that must be found, each at least once. */
  readonly found: readonly FindingCode[];
  /** The object that at least one finding names; absent where nothing is found. */
  readonly at?: string;
  readonly only?: Attack['only'];
}

export function onGolden(by: Holder, needs: Attack['needs'], row: AlterationRow): Attack {
  return {
    ...row,
    by,
    needs,
    play: () => {
      const objects = cloneObjects(golden.objects);
      row.play(objects);
      return { objects, trust: goldenTrust(golden) };
    },
  };
}
