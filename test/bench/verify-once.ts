// One measurement of the `verify` bench, in a process of its own so that its peak memory is its own:
//   verify-once.ts verify <folder> <at> [workers]    the whole verification, as the command does it
//   verify-once.ts signatures <folder> <count>       checks one Ed25519 signature per event, and nothing else
// Prints JSON.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../auditor/open.ts';
import { verifyArchive } from '../../auditor/verify/index.ts';
import { nodeDecompress } from '../../core/edge/compression.ts';
import { nodeCrypto } from '../../core/edge/crypto.ts';
import { parseKeyFile } from '../../core/proof/keys.ts';
import { parsePolicy } from '../../core/proof/policy.ts';
import { parseSegment } from '../../core/proof/segment.ts';
import { testKeys, testPolicyText, testSealKeysText } from '../test-keys.ts';

export interface Measured {
  readonly seconds: number;
  /** CPU time of all threads, seconds. */
  readonly cpu: number;
  readonly events: number;
  /** MiB. */
  readonly peak: number;
}

const [what, folder = '', number = '0', workers = '1'] = process.argv.slice(2);
let began = performance.now();
let used = process.cpuUsage();
function start(): void {
  began = performance.now();
  used = process.cpuUsage();
}
const events = what === 'verify' ? await verify() : checkSignatures();
const { user, system } = process.cpuUsage(used);
const measured: Measured = {
  seconds: (performance.now() - began) / 1000,
  cpu: (user + system) / 1_000_000,
  events,
  peak: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(measured));

async function verify(): Promise<number> {
  const verdict = await verifyArchive(openStore(folder, {}), {
    policy: parsePolicy(nodeCrypto, testPolicyText),
    sealKeys: parseKeyFile(nodeCrypto, testSealKeysText),
    logKeys: null,
    at: Number(number),
    from: null,
    to: null,
    minRetention: null,
    crypto: nodeCrypto,
    decompress: nodeDecompress,
    workers: Number(workers),
    threadsFrom: 0,
  });
  const said = [...verdict.findings, ...verdict.reports, ...verdict.unchecked];
  if (said.length > 0) throw new Error(`not as it was written: ${said.length}, ${JSON.stringify(said[0])}`);
  return verdict.counts.events;
}

/** Each event's datum with a signature of its own; those of one segment, again and again. */
function checkSignatures(): number {
  const names = readdirSync(join(folder, 'events'), { recursive: true, encoding: 'utf8' });
  const name = names.find(one => one.endsWith('.avro')) ?? '';
  const { runs } = parseSegment(nodeCrypto, readFileSync(join(folder, 'events', name)), nodeDecompress);
  const { key, sign } = testKeys.seal;
  const signed = runs
    .flatMap(run => run.events)
    .slice(0, 1000)
    .map(({ datum }) => ({ datum, signature: sign(datum) }));
  start();
  let checked = 0;
  while (checked < Number(number)) {
    for (const { datum, signature } of signed) if (nodeCrypto.verifyEd25519(key.publicKey, datum, signature)) checked++;
  }
  return checked;
}
