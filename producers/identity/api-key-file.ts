/**
 * The file of API keys: YAML (or JSON, by its name), reviewed and kept like any configuration. It holds no key, only hashes:
 * who reads it learns who has access, and gains none.
 */
import { isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { LIMITS } from '../../core/event/index.ts';
import { IdentityError } from './error.ts';

const identifier = z
  .string({ error: 'a text' })
  .min(1, { error: 'a text' })
  .max(LIMITS.identifier, { error: `at most ${LIMITS.identifier} characters` })
  .regex(/^\P{Cc}*$/u, { error: 'a text without control characters' });
const pseudonym = identifier.regex(/^[^@]*$/, { error: 'a pseudonymous id, not a mail address' });
/** Kept as text: YAML's own times have many forms. */
const time = z.iso.datetime({ error: 'a time such as 2026-01-05T12:00:00Z' });

const apiKey = z
  .strictObject(
    {
      id: z.string({ error: 'the id of a key' }).regex(/^[0-9A-Za-z]{12}$/, { error: 'the id of a key' }),
      hash: z.string({ error: 'sha256: and a digest' }).regex(/^sha256:[\w-]{43}$/, { error: 'sha256: and a digest' }),
      lastFour: z.string({ error: 'four characters' }).regex(/^[0-9A-Za-z]{4}$/, { error: 'four characters' }),
      actor: z.strictObject(
        { kind: z.enum(['human', 'machine', 'agent'], { error: 'human, machine or agent' }), id: pseudonym },
        { error: 'kind and id' },
      ),
      owner: pseudonym,
      roles: z
        .array(identifier, { error: 'a list of texts' })
        .max(LIMITS.roles, { error: `at most ${LIMITS.roles}` })
        .default([]),
      created: z.strictObject({ at: time, by: pseudonym }, { error: 'at and by' }),
      expires: time,
      revoked: z
        .strictObject(
          { at: time, by: pseudonym, reason: z.string({ error: 'a text' }).optional() },
          { error: 'at and by' },
        )
        .optional(),
    },
    { error: 'a key' },
  )
  .refine(({ created, expires }) => Date.parse(expires) > Date.parse(created.at), {
    error: 'a time behind that of its making',
    path: ['expires'],
  });

const file = z
  .strictObject(
    { version: z.literal(1, { error: '1' }), keys: z.array(apiKey, { error: 'a list of keys' }).max(100_000) },
    { error: 'version and keys' },
  )
  .superRefine(({ keys }, context) => {
    const ids = new Set<string>();
    keys.forEach(({ id }, index) => {
      if (ids.has(id))
        context.addIssue({ code: 'custom', path: ['keys', index, 'id'], message: 'an id that no other has' });
      ids.add(id);
    });
  });

/** A key as it is kept. */
export type StoredApiKey = z.output<typeof apiKey>;

const EMPTY = `# API keys, by \`tidemark api-keys\`. Only hashes are kept.
version: 1
keys: []
`;

/** The keys of a file's text; throws IdentityError `invalid-file` with all that is wrong, quoting nothing. */
export function parseApiKeys(text: string, name: string): readonly StoredApiKey[] {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) throw invalid(name, ['expected YAML or JSON']);
  const parsed = file.safeParse(toValue(document, name));
  if (parsed.success) return parsed.data.keys;
  throw invalid(
    name,
    parsed.error.issues.map(issue => {
      // An unknown key is not named: it may be a secret that slipped.
      const expected = issue.code === 'unrecognized_keys' ? 'only entries that are known' : issue.message;
      return `${issue.path.join('.') || 'the file'}: expected ${expected}`;
    }),
  );
}

/** The text with a key added; `text` undefined: a new file. Comments stay. */
export function withApiKey(text: string | undefined, key: StoredApiKey, name: string): string {
  return edited(text ?? EMPTY, name, document => {
    const keys: unknown = document.get('keys');
    if (isSeq(keys)) keys.flow = false;
    document.addIn(['keys'], document.createNode(key));
  });
}

/** The text with a key marked as revoked. Throws `unknown-key`, and `revoked` where it was already. */
export function withRevoked(text: string, id: string, revoked: StoredApiKey['revoked'], name: string): string {
  const keys = parseApiKeys(text, name);
  const index = keys.findIndex(key => key.id === id);
  const found = keys[index];
  if (found === undefined) throw new IdentityError('unknown-key', `${name} has no key ${id}`);
  if (found.revoked !== undefined) {
    throw new IdentityError('revoked', `the key ${id} was revoked at ${found.revoked.at} by ${found.revoked.by}`);
  }
  return edited(text, name, document => document.setIn(['keys', index, 'revoked'], document.createNode(revoked)));
}

function edited(text: string, name: string, edit: (document: YamlDocument) => void): string {
  parseApiKeys(text, name);
  const document = parseDocument(text);
  edit(document);
  const asJson = () => `${JSON.stringify(document.toJS(), null, 2)}\n`;
  const result = name.endsWith('.json') ? asJson() : document.toString({ lineWidth: 0 });
  // What is written has to be readable by the one who reads it next.
  parseApiKeys(result, name);
  return result;
}

type YamlDocument = ReturnType<typeof parseDocument>;

function toValue(document: YamlDocument, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw invalid(name, ['expected no aliases']);
  }
}

function invalid(name: string, problems: readonly string[]): IdentityError {
  const more = problems.length > 10 ? [`and ${problems.length - 10} more`] : [];
  return new IdentityError('invalid-file', `${name}: ${[...problems.slice(0, 10), ...more].join('; ')}`);
}
