// A service catalogue from YAML: our own short form, or Backstage's `catalog-info.yaml` (kind Component). Both may hold several
// documents, and stand in one file, in the files of a folder, or in those of a glob.
//
//     services:
//       billing:
//         owner: team-payments
//         tier: 1
//         repository: https://github.com/example/billing

import { createHash } from 'node:crypto';
import { glob, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

export interface Service {
  readonly owner: string | null;
  readonly tier: string | null;
  readonly repository: string | null;
}

export interface Catalogue {
  readonly services: ReadonlyMap<string, Service>;
  /** Services by the repository that they are built from, as `owner/name` in lower case. */
  readonly byRepository: ReadonlyMap<string, readonly string[]>;
  /** Of the files' contents: its version. */
  readonly digest: string;
}

const maxFiles = 10_000;

/** The files that a path stands for, in order: itself, the catalogue files below it, or what its pattern matches. */
export async function catalogueFiles(path: string): Promise<string[]> {
  const isPattern = /[*?[{]/.test(path);
  if (!isPattern && !(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  const pattern = isPattern ? path : join(path, '**/catalog-info.{yaml,yml}');
  for await (const file of glob(pattern, { exclude: name => /(^|[\\/])(node_modules|\.git)$/.test(name) })) {
    files.push(file);
    if (files.length > maxFiles) throw new Error(`found more than ${maxFiles} files for ${path}`);
  }
  if (files.length === 0) throw new Error(`found no catalogue file for ${path}`);
  return files.sort();
}

/** Throws where a file can't be read, is no YAML, or is of neither form; names the file. */
export async function readCatalogue(paths: readonly string[]): Promise<Catalogue> {
  const services = new Map<string, Service>();
  const hash = createHash('sha256');
  for (const path of paths) {
    const text = await readFile(path, 'utf8');
    hash.update(text).update('\0');
    for (const [name, service] of parseCatalogue(text, path)) {
      if (services.has(name))
        throw new Error(`${path}: found the service ${name} twice, expected it once in all files`);
      services.set(name, service);
    }
  }
  return { services, byRepository: byRepository(services), digest: `sha256:${hash.digest('hex').slice(0, 16)}` };
}

/** The services of one file. Pure. */
export function parseCatalogue(text: string, path: string): [string, Service][] {
  return parseAllDocuments(text).flatMap((document, index) => {
    const where = `${path}, document ${index + 1}`;
    const [error] = document.errors;
    if (error) throw new Error(`${where}: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    // An empty document: a separator at the end.
    if (value === null) return [];
    const entity = backstageEntity.safeParse(value);
    if (entity.success) return componentOf(entity.data, where);
    const own = ownForm.safeParse(value);
    if (own.success) return Object.entries(own.data.services).map(([name, service]) => [name, withDefaults(service)]);
    const issue = own.error.issues[0];
    const problem = issue ? ` (${issue.path.join('.')}: ${issue.message})` : '';
    throw new Error(`${where}: expected services, or an entity with apiVersion, kind and metadata${problem}`);
  });
}

function byRepository(services: ReadonlyMap<string, Service>): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [name, { repository }] of services) {
    const slug = /^https?:\/\/[^/]+\/([^/]+\/[^/]+?)(?:\.git)?(?:\/.*)?$/.exec(repository ?? '')?.[1]?.toLowerCase();
    if (slug !== undefined) names.set(slug, [...(names.get(slug) ?? []), name]);
  }
  return names;
}

const word = z.union([z.string().trim().min(1).max(512), z.number().transform(String)]);
const ownForm = z.strictObject({
  services: z.record(
    z.string().min(1).max(512),
    z.strictObject({ owner: word.optional(), tier: word.optional(), repository: word.optional() }),
  ),
});
const texts = z.record(z.string(), z.unknown()).optional();
const backstageEntity = z.object({
  apiVersion: z.string().startsWith('backstage.io/'),
  kind: z.string(),
  metadata: z.object({
    name: z.string().min(1).max(512),
    namespace: z.string().optional(),
    annotations: texts,
    labels: texts,
  }),
  spec: z.record(z.string(), z.unknown()).optional(),
});

function withDefaults({ owner, tier, repository }: z.infer<typeof ownForm>['services'][string]): Service {
  return { owner: owner ?? null, tier: tier ?? null, repository: repository ?? null };
}

/** Other kinds (Group, System, Location, …) stand in the same files and are none of ours. */
function componentOf({ kind, metadata, spec }: z.infer<typeof backstageEntity>, where: string): [string, Service][] {
  if (kind.toLowerCase() !== 'component') return [];
  if (spec?.owner === undefined) throw new Error(`${where}: found the component ${metadata.name} without spec.owner`);
  const { name, namespace = 'default', annotations = {}, labels = {} } = metadata;
  // Names are unique within a namespace alone.
  const key = namespace === 'default' ? name : `${namespace}/${name}`;
  const tier = textOf(spec.tier) ?? tierIn(labels) ?? tierIn(annotations);
  return [[key, { owner: groupOf(spec.owner), tier, repository: repositoryOf(annotations) }]];
}

/** A reference like `group:default/payments`, or `payments`, which means a group. A user who owns a component is a person: left out. */
function groupOf(reference: unknown): string | null {
  const match = /^(?:(?<kind>[a-z]+):)?(?:(?<namespace>[^/]+)\/)?(?<name>.+)$/i.exec(textOf(reference) ?? '');
  const { kind = 'group', namespace = 'default', name } = match?.groups ?? {};
  if (name === undefined || kind.toLowerCase() !== 'group') return null;
  return namespace === 'default' ? name : `${namespace}/${name}`;
}

/** There is no standard place for a tier: any label or annotation of that name, such as `example.com/tier`. */
function tierIn(map: Record<string, unknown>): string | null {
  const [, value] = Object.entries(map).find(([key]) => /(^|[/.])tier$/.test(key)) ?? [];
  return textOf(value);
}

function repositoryOf(annotations: Record<string, unknown>): string | null {
  for (const [host, key] of [
    ['https://github.com/', 'github.com/project-slug'],
    ['https://gitlab.com/', 'gitlab.com/project-slug'],
    ['https://bitbucket.org/', 'bitbucket.org/project-slug'],
  ] as const) {
    const slug = textOf(annotations[key]);
    if (slug !== null) return `${host}${slug}`;
  }
  const location = textOf(annotations['backstage.io/source-location']);
  return location?.replace(/^url:/, '') ?? null;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'number') return `${value}`;
  return typeof value === 'string' && value.trim() !== '' && value.length <= 512 ? value.trim() : null;
}
