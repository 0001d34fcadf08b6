/**
 * Where an event comes from, as far as the surroundings of the program say: what the service gives itself comes first,
 * then OpenTelemetry's variables, those of the platform, the package.json nearest to the program, and git's folder.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Origin } from '../../schemas/types.ts';
import { findCommit } from './git-commit.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What may be asked about the place in which the program runs. */
export interface Surroundings {
  readonly env: Environment;
  /** Folders to look upwards from, the most telling first: that of the program, the working directory. */
  readonly folders: readonly string[];
  readonly hostname: string;
  /** Text of a file; undefined where there is none. */
  read(path: string): string | undefined;
}

/** What a service says of itself. */
export interface OriginOptions {
  /** Name of the service. Default: `OTEL_SERVICE_NAME`, the platform's name of it, the name in package.json. */
  readonly service?: string | undefined;
  /** Default: `service.version` of `OTEL_RESOURCE_ATTRIBUTES`, the version in package.json. */
  readonly version?: string | undefined;
  /** Default: the build's variable, such as `GIT_COMMIT`, `GITHUB_SHA`, `CI_COMMIT_SHA`; else git's HEAD. */
  readonly commit?: string | undefined;
  /** Default: `deployment.environment.name` of `OTEL_RESOURCE_ATTRIBUTES`, `NODE_ENV`. */
  readonly environment?: string | undefined;
  /** Default: `cloud.region` of `OTEL_RESOURCE_ATTRIBUTES`, `AWS_REGION` and the like. */
  readonly region?: string | undefined;
  /** Default: the name of the pod, else of the host. */
  readonly host?: string | undefined;
}

const SERVICE = ['AWS_LAMBDA_FUNCTION_NAME', 'K_SERVICE'];
const COMMIT = [
  'GIT_COMMIT',
  'GITHUB_SHA',
  'CI_COMMIT_SHA',
  'COMMIT_SHA',
  'BUILD_SOURCEVERSION',
  'BITBUCKET_COMMIT',
  'CIRCLE_SHA1',
  'VERCEL_GIT_COMMIT_SHA',
  'HEROKU_SLUG_COMMIT',
  'RENDER_GIT_COMMIT',
];
const REGION = ['AWS_REGION', 'AWS_DEFAULT_REGION', 'GOOGLE_CLOUD_REGION', 'FLY_REGION', 'VERCEL_REGION'];
const HOST = ['POD_NAME', 'K8S_POD_NAME', 'KUBERNETES_POD_NAME'];

/** The surroundings of this process. */
export function surroundingsOf(env: Environment): Surroundings {
  return { env, folders: [...programFolder(), process.cwd()], hostname: hostname(), read: readText };
}

/** Where events come from; the service is empty where nothing names it. */
export function findOrigin(options: OriginOptions, surroundings: Surroundings): Origin {
  const { env } = surroundings;
  const resource = resourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES);
  const of = (...names: string[]): string | undefined => firstOf(names, name => resource.get(name));
  const set = (...names: string[]): string | undefined => firstOf(names, name => given(env[name]));
  const manifest = lazy(() => findManifest(surroundings));
  return {
    service:
      options.service ?? set('OTEL_SERVICE_NAME') ?? of('service.name') ?? set(...SERVICE) ?? manifest().name ?? '',
    version: options.version ?? of('service.version') ?? manifest().version ?? null,
    commit: options.commit ?? of('vcs.ref.head.revision') ?? set(...COMMIT) ?? findCommit(surroundings) ?? null,
    environment:
      options.environment ?? of('deployment.environment.name', 'deployment.environment') ?? set('NODE_ENV') ?? null,
    region: options.region ?? of('cloud.region') ?? set(...REGION) ?? null,
    host: options.host ?? of('k8s.pod.name', 'host.name') ?? set(...HOST) ?? given(surroundings.hostname) ?? null,
  };
}

/** A folder and those above it. */
export function* upwards(folder: string): Generator<string> {
  for (let at = folder; ; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

export const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

interface Manifest {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** The package.json nearest to the program that has a name; else what npm says of the package whose script runs. */
function findManifest({ env, folders, read }: Surroundings): Manifest {
  for (const start of folders) {
    for (const folder of upwards(start)) {
      const manifest = parseManifest(read(join(folder, 'package.json')));
      if (manifest.name !== undefined) return manifest;
    }
  }
  return { name: given(env.npm_package_name), version: given(env.npm_package_version) };
}

function parseManifest(text: string | undefined): Manifest {
  if (text === undefined) return {};
  try {
    const { name, version } = JSON.parse(text);
    return { name: textOf(name), version: textOf(version) };
  } catch {
    return {};
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? given(value) : undefined);

/** Where the program's main file is; a tool that runs it (a test runner, a process manager) says nothing of it. */
function programFolder(): string[] {
  const [, main] = process.argv;
  if (main === undefined) return [];
  try {
    const folder = dirname(realpathSync(main));
    return /[\\/]node_modules(?:[\\/]|$)/.test(folder) ? [] : [folder];
  } catch {
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** `key1=value1,key2=value2`, values percent-encoded (OpenTelemetry resource specification). */
function resourceAttributes(text: string | undefined): Map<string, string> {
  const pairs = (text ?? '').split(',').flatMap(pair => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())] as const] : [];
  });
  return new Map(pairs.filter(([, value]) => value !== ''));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function firstOf(names: readonly string[], find: (name: string) => string | undefined): string | undefined {
  for (const name of names) {
    const value = find(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
