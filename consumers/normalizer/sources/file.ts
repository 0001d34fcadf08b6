// The files of registered services: who may sign, by which keys, and what for.
//
//     version: 1
//     services:
//       billing:
//         owner: team-payments
//         keys: ['billing/source+1f2e3d4c+AbCd…']
//         actions: ['invoice.*']
//         alwaysSigns: true
//
// A key may be followed by the time from which, and that up to which it counts, as in an auditor's file of keys.

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { filesAt } from '../../../core/edge/file-source.ts';
import { type SettingProblem, SettingsError } from '../../../core/edge/settings.ts';
import { placeOf, readYaml } from '../../../core/edge/yaml-file.ts';
import { type DatedKey, parseKeyFile } from '../../../core/proof/keys.ts';
import { isSourceName, sourceKeyName } from '../../../core/proof/source.ts';
import { ACTION_GLOB } from '../glob.ts';
import type { RegisteredService } from './services.ts';

const maxServices = 10_000;

const text = (expected: string) =>
  z.string({ error: expected }).min(1, { error: expected }).max(512, { error: expected });

const key = z.string({ error: 'a verifier key' }).transform((line, context): DatedKey => {
  try {
    const [one, ...more] = parseKeyFile(nodeCrypto, line);
    if (one && more.length === 0) return one;
  } catch {
    // What is expected says it.
  }
  context.addIssue({
    code: 'custom',
    input: line,
    message:
      'an Ed25519 verifier key, as tidemark keys generate prints it, and perhaps the times from and up to which it counts',
  });
  return z.NEVER;
});

const patterns = (what: string, one: RegExp) =>
  z
    .array(z.string({ error: what }).regex(one, { error: what }), { error: `a list: ${what}` })
    .max(1000, { error: 'at most 1000' });

const service = z.strictObject(
  {
    owner: text('the team that answers for it'),
    keys: z.array(key, { error: 'a list of verifier keys' }).max(100, { error: 'at most 100 keys' }).default([]),
    actions: patterns("an action or a pattern of actions, such as account.close or 'account.*'", ACTION_GLOB),
    onBehalfOf: patterns('the name of a service, or a pattern of names', /^\P{Cc}{1,512}$/u).default([]),
    alwaysSigns: z.boolean({ error: 'true or false' }).default(false),
  },
  { error: 'owner, keys and actions of a service' },
);

const file = z
  .strictObject(
    {
      version: z.literal(1, { error: '1' }),
      services: z.record(z.string(), service, { error: 'services by name' }),
    },
    { error: 'version and services' },
  )
  .superRefine(({ services }, context) => {
    for (const [name, { keys, onBehalfOf, alwaysSigns }] of Object.entries(services)) {
      const add = (path: (string | number)[], input: unknown, message: string) =>
        context.addIssue({ code: 'custom', input, path: ['services', name, ...path], message });
      if (!isSourceName(name)) add([], name, 'a name of at most 200 characters without spaces and "+"');
      const keyName = sourceKeyName(name);
      keys.forEach((dated, index) => {
        if (dated.key.name !== keyName) add(['keys', index], dated.key.name, `a key of the name ${keyName}`);
      });
      if (keys.length > 0) continue;
      if (alwaysSigns) add(['keys'], keys, 'a key, since it always signs');
      if (onBehalfOf.length > 0) add(['keys'], keys, 'a key, since it speaks for others');
    }
  });

/** The services of one file's text; throws SettingsError with all that is wrong. */
export function parseServices(content: string, path: string): RegisteredService[] {
  const { data, problems } = readYaml(content, file);
  if (data) return Object.entries(data.services).map(([name, rest]) => ({ name, ...rest }));
  throw new SettingsError(problems.map(problem => problemOf(placeOf(path, problem), problem.found, problem.expected)));
}

function problemOf(where: string, found: string, expected: string): SettingProblem {
  return { name: `TIDEMARK_SERVICES (${where})`, found, expected, advice: '' };
}

/** The files that settings name, folders by the YAML files in them. */
export const serviceFiles = (paths: readonly string[]): Promise<string[]> => filesAt(paths, /\.ya?ml$/);

/** All services of the files; throws SettingsError with all that is wrong in any of them. */
export async function readServices(paths: readonly string[]): Promise<RegisteredService[]> {
  const problems: SettingProblem[] = [];
  const services = new Map<string, RegisteredService>();
  for (const path of paths) {
    try {
      for (const one of parseServices(await readFile(path, 'utf8'), path)) {
        if (services.has(one.name))
          problems.push(problemOf(path, `the service ${one.name} for the second time`, 'it once in all files'));
        services.set(one.name, one);
      }
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (services.size === 0 && problems.length === 0)
    problems.push(problemOf(paths.join(', '), 'no service', 'at least one'));
  if (services.size > maxServices)
    problems.push(problemOf(paths.join(', '), `${services.size} services`, `at most ${maxServices}`));
  if (problems.length > 0) throw new SettingsError(problems);
  return [...services.values()];
}
