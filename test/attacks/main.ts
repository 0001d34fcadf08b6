// `npm run attacks`: each row of the alteration table in a folder, on SeaweedFS and on versitygw. `--on folder,seaweedfs,versitygw` and
// `--only TEXT` (a part of a name) choose among them; `--page` prints the table instead, as docs/threat-model.md has it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Verdict } from '../../auditor/verify/index.ts';
import { LOCAL_REGION, startS3 } from '../../infra/local/s3.ts';
import { startVersitygw } from '../../infra/local/versitygw.ts';
import type { Attack } from './attack.ts';
import { threatTable } from './page.ts';
import { type AttackedServer, differenceOf, openServer, verifyInFolder } from './stores.ts';
import { attacks } from './table.ts';

const { values } = parseArgs({
  options: { on: { type: 'string' }, only: { type: 'string' }, page: { type: 'boolean' } },
});
if (values.page) {
  process.stdout.write(threatTable(attacks));
  process.exit(0);
}
const stores = (values.on ?? 'folder,seaweedfs,versitygw').split(',');
const chosen = attacks.filter(({ name }) => name.includes(values.only ?? ''));
const progress = (line: string): boolean => process.stderr.write(`${line}\n`);

/** Plays what there is to play on a store, and says what differs. */
async function playAll(store: string, play: (attack: Attack, n: number) => Promise<Verdict>): Promise<number> {
  const began = performance.now();
  const rows = chosen.filter(({ needs }) => store !== 'folder' || needs === 'copy');
  let differences = 0;
  for (const [n, attack] of rows.entries()) {
    const difference = differenceOf(attack, await play(attack, n));
    if (difference === null) continue;
    differences++;
    process.stdout.write(`${store}: ${attack.name}: ${difference}\n`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  process.stdout.write(`${store}: ${rows.length} attacks, ${differences} verdicts that differ, ${seconds} s\n`);
  return differences;
}

async function onServer(store: string, server: AttackedServer): Promise<number> {
  const differences = await playAll(store, (attack, n) => server.verify(attack.play(), `attack-${n}`));
  server.close();
  return differences;
}

let differences = 0;
if (stores.includes('folder')) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-attacks-'));
  differences += await playAll('folder', (attack, n) => verifyInFolder(attack.play(), join(folder, `${n}`)));
  rmSync(folder, { recursive: true, force: true });
}
if (stores.includes('seaweedfs')) {
  const s3 = await startS3({ progress });
  const { url: S3_ENDPOINT, accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = s3;
  const env = { S3_ENDPOINT, AWS_REGION: LOCAL_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
  differences += await onServer('seaweedfs', await openServer(env, 'attacks'));
  await s3.stop();
}
if (stores.includes('versitygw')) {
  const { env, stop } = await startVersitygw(progress);
  differences += await onServer('versitygw', await openServer(env, 'attacks'));
  await stop();
}
process.exitCode = differences === 0 ? 0 : 1;
