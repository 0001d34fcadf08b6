/**
 * `npm run build:sdk`: the SDK as a package for others, in `producers/sdk/dist`, or in the folder that is named. Plain
 * JavaScript with types, by `tsc` alone; the files keep their places below the root, so that what reads a file beside
 * itself finds it there. ESM without top-level await, which CommonJS can require from Node 20.19 on.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../../', import.meta.url);
const usual = new URL('../dist/', import.meta.url);
const [chosen] = process.argv.slice(2);
const dist = chosen === undefined ? usual : pathToFileURL(`${resolve(chosen)}/`);
const path = (url: URL): string => fileURLToPath(url);

/** What a publisher needs, and nothing of the consumers'. */
const DEPENDENCIES = [
  '@kafkajs/confluent-schema-registry',
  '@node-rs/crc32',
  'avsc',
  'jose',
  'kafkajs',
  'lru-cache',
  'uuid',
  'yaml',
  'zod',
];

/** What a service may have beside it; the parts that need one are doors of their own. Versions that are not tried are not forbidden. */
const PEERS = { '@opentelemetry/api': '>=1.4', express: '>=4', fastify: '>=4', hono: '>=4', vitest: '>=3.2' };

/** The package's doors, by their paths below the root. */
const DOORS = {
  '.': 'producers/sdk/index',
  './express': 'producers/sdk/express',
  './fastify': 'producers/sdk/fastify',
  './hono': 'producers/sdk/hono',
  './identity': 'producers/identity/index',
  './outbox': 'producers/sdk/outbox/index',
  './testing': 'producers/sdk/testing/index',
  './testing/vitest': 'producers/sdk/testing/vitest',
};

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The package.json of the SDK: versions are those that the project is tested with. */
function packageManifest(project: Manifest): object {
  const versions = DEPENDENCIES.map(name => {
    const version = project.dependencies[name];
    if (version === undefined) throw new Error(`package.json has no dependency ${name}, which the SDK needs`);
    return [name, version] as const;
  });
  return {
    name: '@tidemark/sdk',
    version: project.version,
    description: 'Record what a service does as audit evidence',
    license: project.license,
    type: 'module',
    engines: { node: '>=20.19' },
    exports: {
      ...Object.fromEntries(
        Object.entries(DOORS).map(([door, file]) => [door, { types: `./${file}.d.ts`, default: `./${file}.js` }]),
      ),
      './package.json': './package.json',
    },
    types: './producers/sdk/index.d.ts',
    dependencies: Object.fromEntries(versions),
    peerDependencies: PEERS,
    peerDependenciesMeta: Object.fromEntries(Object.keys(PEERS).map(name => [name, { optional: true }])),
  };
}

// What somebody names may hold more than a build.
if (dist === usual) rmSync(dist, { recursive: true, force: true });
const compiler = path(new URL('node_modules/typescript/bin/tsc', root));
const settings = path(new URL('tsconfig.json', import.meta.url));
execFileSync(process.execPath, [compiler, '-p', settings, '--outDir', path(dist)], { stdio: 'inherit' });
copyFileSync(new URL('schemas/audit-event.avsc', root), new URL('schemas/audit-event.avsc', dist));
copyFileSync(new URL('schemas/audit-record.avsc', root), new URL('schemas/audit-record.avsc', dist));
const table = 'producers/sdk/outbox/table.sql';
copyFileSync(new URL(table, root), new URL(table, dist));
copyFileSync(new URL('../README.md', import.meta.url), new URL('README.md', dist));
const license = new URL('LICENSE', root);
if (existsSync(license)) copyFileSync(license, new URL('LICENSE', dist));
const project: Manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
writeFileSync(new URL('package.json', dist), `${JSON.stringify(packageManifest(project), null, 2)}\n`);
