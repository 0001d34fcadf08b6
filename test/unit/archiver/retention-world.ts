// An archive that lives for weeks: periods of six hours, events that are kept for ten days or as long as they demand, locks looked at
// each day, and what is not locked any more removed as a lifecycle rule would.

import { verifyArchive } from '../../../auditor/verify/index.ts';
import type { ArchiverContext } from '../../../consumers/archiver/context.ts';
import { LockKeeper } from '../../../consumers/archiver/lock-keeper.ts';
import type { RetentionDemand } from '../../../consumers/archiver/retention-demand.ts';
import { nodeDecompress } from '../../../core/edge/compression.ts';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import type { LockMode } from '../../../core/edge/retention.ts';
import { archiveReader } from '../../../core/edge/s3/segment-object.ts';
import { chainAfter, chainStart } from '../../../core/proof/chain.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';
import { parseDuration } from '../../../core/proof/period.ts';
import { parsePolicy } from '../../../core/proof/policy.ts';
import { auditRecordText } from '../../../schemas/index.ts';
import { memoryStore, type Objects } from '../../archive-objects.ts';
import { type Kept, recordsRun } from '../../retention-runs.ts';
import { testKeys } from '../../test-keys.ts';
import { World } from './world.ts';

export const dayMs = 24 * 3600_000;
export const tenDays = parseDuration('P10D');

export class LivingArchive {
  readonly world: World;
  readonly #keeper: LockKeeper;
  readonly context: ArchiverContext;

  constructor(demand: RetentionDemand | undefined, world = new World()) {
    this.world = world;
    const context = world.context();
    const demandOf = demand && ((schemaText: string, datums: Iterable<Uint8Array>) => demand.of(schemaText, datums));
    this.context = {
      ...context,
      reader: archiveReader({ ...context.reader, duration: parseDuration('PT6H'), demandOf }),
      retentionMs: tenDays.ms,
      schemaText: async () => auditRecordText,
      demand,
    };
    this.#keeper = new LockKeeper(this.context);
  }

  write(...records: readonly Kept[]): void {
    const { world } = this;
    const run = recordsRun(world.ends.get(0) ?? chainStart, records, { sealedAt: world.now });
    world.ends.set(0, chainAfter(run.seal, run.hash));
    world.append(0, run);
  }

  /** Runs it for a time: an event a period, archived and sealed, locks looked at each day. */
  async live(periods: number, records: readonly Kept[] = [{}]): Promise<void> {
    await this.world.seal(this.context);
    for (let n = 0; n < periods; n++) {
      this.write(...records);
      await this.world.archive(0, this.context);
      this.world.now += 6 * 3600_000;
      await this.world.seal(this.context);
      if (n % 4 === 0) await this.#keeper.pass();
    }
  }

  /** Removes what is not locked any more, as a lifecycle rule would. */
  expire(prefix: string): number {
    let removed = 0;
    for (const { key, versionId, retainUntil } of this.world.bucket.dump(prefix)) {
      if ((retainUntil ?? 0) > this.world.now) continue;
      this.world.bucket.remove(key, versionId);
      removed++;
    }
    return removed;
  }

  async verdict({ mode = 'COMPLIANCE', lockMode }: { mode?: LockMode; lockMode?: LockMode } = {}) {
    const objects: Objects = new Map();
    for (const version of this.world.bucket.dump().toReversed())
      objects.set(version.key, [...(objects.get(version.key) ?? []), { ...version, mode }]);
    const verdict = await verifyArchive(memoryStore(objects), {
      policy: parsePolicy(nodeCrypto, `log ${formatVerifierKey(testKeys.log.key)}\nquorum none\n`),
      sealKeys: [{ key: testKeys.seal.key, first: null, last: null }],
      logKeys: null,
      at: this.world.now,
      from: null,
      to: null,
      minRetention: tenDays.ms,
      lockMode,
      crypto: nodeCrypto,
      decompress: nodeDecompress,
    });
    return {
      findings: verdict.findings.map(({ code, message, object }) => `${code} ${object}: ${message}`),
      reports: verdict.reports.map(({ code }) => code),
      notes: verdict.notes,
    };
  }
}
