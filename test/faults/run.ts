// A run of faults from its scene to its report: load, faults at random by the seed, quiet, everything drained and sealed; then the checker
// and the auditor, each a process that knows nothing of the run but the world's addresses.

import { execFile } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import type { Comparison } from './checker.ts';
import type { CheckerPlan } from './checker-main.ts';
import { type Fault, type Injection, injectFaults } from './fault.ts';
import { Fleet } from './fleet.ts';
import { Monitor } from './monitor.ts';
import { networkFaults } from './network/network-faults.ts';
import { Operator } from './operator.ts';
import { processFaults } from './process-faults.ts';
import { seededRandom } from './random.ts';
import { type Scene, serverFaults } from './server-faults.ts';
import { type Load, Services } from './services.ts';
import { falseFindings, type Verdict, verify } from './verdict.ts';
import { prefix, startWorld, type World, type WorldOptions } from './world.ts';

export interface RunOptions extends WorldOptions {
  readonly seed: number;
  /** How long faults are injected. */
  readonly forMs: number;
  readonly atOnce: number;
  readonly pauseMs: readonly [number, number];
  readonly load: Load;
  /** How many of each program there are at the start. */
  readonly instances: { readonly normalizers: number; readonly archivers: number };
  /** How long what was sent may take to be archived once the faults are over; and what came before a fault, to be through. */
  readonly drainMs: number;
  /** Names of faults, or of their beginnings; none: all. */
  readonly only: readonly string[];
  /** Where something is wrong, what was read of topic and bucket is kept in the folder. */
  readonly keep?: boolean;
  /** Files that normalizers and archivers preload. */
  readonly preload?: readonly string[];
  /** Faults beside, or instead of, those at random. */
  readonly faults?: (scene: Scene) => readonly Fault[];
  progress(line: string): void;
}

/** Whether nothing is wrong. */
export function isWell({ comparison, falseFindings: wrong, trouble }: RunResult): boolean {
  return comparison.problems.length === 0 && wrong.length === 0 && trouble.length === 0;
}

export interface RunResult {
  readonly seed: number;
  readonly folder: string;
  readonly injections: readonly Injection[];
  readonly comparison: Comparison;
  readonly verdict: Verdict;
  /** What `verify` said that is not so. */
  readonly falseFindings: readonly string[];
  /** What went wrong beside that: a program that can't be restarted into health, a service that broke. */
  readonly trouble: readonly string[];
  /** How programs ended by themselves, and were started again. */
  readonly ends: readonly string[];
  /** What somebody had to do by hand, because a program's log asked for it. */
  readonly byHand: readonly string[];
}

export async function runFaults(options: RunOptions): Promise<RunResult> {
  const { progress } = options;
  const world = await startWorld(options);
  progress(`evidence in ${world.folder}`);
  const scene: Scene = {
    world,
    normalizers: new Fleet({ world, role: 'normalizer', preload: options.preload ?? [] }),
    archivers: new Fleet({ world, role: 'archiver', preload: options.preload ?? [] }),
    services: new Services(world, options.load),
    monitor: new Monitor(world),
  };
  const operator = new Operator(world);
  try {
    return await runIn(world, scene, operator, options);
  } finally {
    await operator.stop();
    await Promise.allSettled([scene.services.kill(), ...fleets(scene).map(fleet => killFleet(fleet))]);
    await scene.monitor.stop();
    for (const [index, { logFile }] of (world.net?.nodes ?? []).entries())
      copyFileSync(logFile, join(world.folder, 'logs', `kafka-${index + 1}.log`));
    await world.stop();
  }
}

const fleets = ({ normalizers, archivers }: Scene): Fleet[] => [normalizers, archivers];

async function killFleet(fleet: Fleet): Promise<void> {
  await Promise.all([...fleet.members].map(member => fleet.leave(member, 'SIGKILL')));
}

async function runIn(world: World, scene: Scene, operator: Operator, options: RunOptions): Promise<RunResult> {
  const { progress, seed } = options;
  const { normalizers, archivers } = options.instances;
  await Promise.all([scene.normalizers.scale(normalizers), scene.archivers.scale(archivers)]);
  await scene.monitor.start();
  await scene.services.start();
  await warmUp(scene);
  progress('everything runs; faults begin');

  const faults = options.faults?.(scene) ?? [...processFaults(scene), ...serverFaults(scene), ...networkFaults(world)];
  const chosen = faults.filter(
    ({ name }) => options.only.length === 0 || options.only.some(one => name.startsWith(one)),
  );
  if (chosen.length === 0)
    throw new Error(`no fault of ${options.only.join(', ')}; there are ${faults.map(({ name }) => name).join(', ')}`);
  const began = Date.now();
  // What one fault held up may be held up by the next, until the last one is over.
  const patience = AbortSignal.timeout(options.forMs + options.drainMs);
  const injections = await injectFaults({
    faults: chosen,
    random: seededRandom(seed),
    atOnce: options.atOnce,
    pauseMs: options.pauseMs,
    signal: AbortSignal.timeout(options.forMs),
    recovered: () => scene.monitor.recovered(patience),
    onInject: name => progress(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${name}`),
  });
  progress('faults are over; services close');
  const trouble = await settle(scene, options);
  const isTopicYounger = injections.some(({ name }) => name === 'events-topic-anew');
  const plan = planOf(world, isTopicYounger, scene.monitor.generation);
  const comparison = await check(world, plan);
  const verdict = await verify(world);
  const wrong = falseFindings(verdict, world.folder, lawfulReports(injections));
  const ends = [...fleets(scene).flatMap(fleet => fleet.ends), ...scene.services.ends];
  trouble.push(...world.s3.problems);
  trouble.push(...scene.services.ends.filter(end => !end.endsWith(': 0')));
  for (const { name, recovery } of injections)
    if (!recovery)
      trouble.push(`${name}: what came before was not through ${options.drainMs / 1000} s after the last fault`);
  const result = {
    seed,
    folder: world.folder,
    injections,
    comparison,
    verdict,
    falseFindings: wrong,
    trouble,
    ends,
    byHand: operator.deeds,
  };
  if (!isWell(result) && options.keep) await check(world, plan, '--keep');
  return result;
}

/** All programs run, and what the services have sent so far is archived. */
async function warmUp(scene: Scene): Promise<void> {
  const isRunning = (): boolean =>
    fleets(scene).every(({ members }) => members.every(member => member.hasSaid('"msg":"running"')));
  const hasCome = async (): Promise<boolean> =>
    [...((await scene.monitor.rawEnds()) ?? [])].some(([, end]) => end > 0n);
  const deadline = Date.now() + 90_000;
  while (!isRunning() || !(await hasCome())) {
    if (Date.now() > deadline) throw new Error('the programs do not run 90 s after their start, before any fault');
    await delay(100);
  }
  if (!(await scene.monitor.recovered(AbortSignal.timeout(90_000))))
    throw new Error('nothing was archived within 90 s of the start, before any fault');
}

/**
 * What an auditor is told because it is so: a partition that nobody could seal for two periods was silent, and a raw topic that was made
 * anew is a restart.
 */
function lawfulReports(injections: readonly Injection[]): Set<string> {
  const has = (name: string): boolean => injections.some(injection => injection.name === name);
  return new Set([...(injections.length > 0 ? ['silence'] : []), ...(has('raw-topic-anew') ? ['restart'] : [])]);
}

/** Everything that was sent is sealed, archived and in a batch; then the programs end. Answers what did not come about. */
async function settle(scene: Scene, options: RunOptions): Promise<string[]> {
  const { progress, drainMs } = options;
  const { services, monitor, normalizers, archivers, world } = scene;
  const trouble: string[] = [];
  await services.stop();
  progress('waiting for what was sent to be archived');
  if (!(await monitor.recovered(AbortSignal.timeout(options.drainMs)))) {
    const behind = await monitor.behind(AbortSignal.timeout(5000));
    trouble.push(`not all is sealed and archived ${drainMs / 1000} s after the last fault: ${behind}`);
  }
  await normalizers.scale(0);
  progress('waiting for the last period to be sealed');
  await monitor.archived(AbortSignal.timeout(drainMs));
  if (!(await isLogged(world, monitor.lastSealedAt, drainMs))) trouble.push('the last period was not sealed');
  await archivers.scale(0);
  return trouble;
}

/** Waits until the log reaches behind a time. */
async function isLogged(world: World, time: number, patienceMs: number): Promise<boolean> {
  const { env, periodMs } = world;
  const client = new S3Client(s3ConfigOf(env));
  const read = async (key: string): Promise<string> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: world.bucket, Key: `${prefix}/${key}` }));
    return (await Body?.transformToString()) ?? '';
  };
  try {
    const { first } = JSON.parse(await read('archive.json')) as { first: string };
    for (const deadline = Date.now() + 2 * periodMs + patienceMs; Date.now() < deadline; ) {
      const [, size = '0'] = (await read('log/checkpoint').catch(() => '')).split('\n');
      if (Date.parse(first) + Number(size) * periodMs > time) return true;
      await delay(250);
    }
    return false;
  } finally {
    client.destroy();
  }
}

function planOf(world: World, isTopicYounger: boolean, generation: number): CheckerPlan {
  const { env, brokers, bucket, topics } = world;
  return {
    brokers: brokers.split(','),
    registry: env.SCHEMA_REGISTRY_URL ?? '',
    rawTopic: topics.raw,
    eventsTopic: topics.events,
    generation,
    bucket: {
      endpoint: env.S3_ENDPOINT ?? '',
      region: env.AWS_REGION ?? '',
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
      bucket,
      prefix,
    },
    isTopicYounger,
  };
}

async function check({ folder }: World, plan: CheckerPlan, ...flags: readonly string[]): Promise<Comparison> {
  writeFileSync(join(folder, 'checker.json'), JSON.stringify(plan));
  const checker = new URL('checker-main.ts', import.meta.url).pathname;
  const options = { maxBuffer: 1 << 30 };
  const { stdout } = await promisify(execFile)(process.execPath, [checker, folder, ...flags], options);
  return JSON.parse(stdout) as Comparison;
}
