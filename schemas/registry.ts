/**
 * The schema registry: a text is registered as it is, under FULL_TRANSITIVE, or only looked up where production forbids
 * registering; and the text that the registry answers for an id is kept byte for byte, since seals commit to it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { finishRegistration } from './cut-short.ts';
import { SchemaError, type SchemaErrorCode } from './error.ts';

export interface RegistrySettings {
  /** Address of the registry's Confluent API, such as https://user:password@registry.example.com. */
  readonly url: string;
  /** Bearer token; instead of user and password in the address. */
  readonly token?: string | undefined;
  /** `register` (the default) registers what is missing; `lookup` only looks it up. */
  readonly registration?: 'register' | 'lookup' | undefined;
  /** Milliseconds to wait for an answer to a request for a text. Default 10 000. */
  readonly timeoutMs?: number | undefined;
}

export interface Registry {
  /** Registers (or looks up) a text under a subject and returns its id. Throws SchemaError. */
  register(subject: string, text: string): Promise<number>;
  /** The text that the registry answers for an id, byte for byte; cached for ever, an id never changes. Throws SchemaError. */
  textOf(id: number): Promise<string>;
}

/** Opens a registry. Nothing is asked before the first call. */
export function openRegistry(settings: RegistrySettings): Registry {
  const { host, auth } = splitCredentials(settings.url);
  const authorization = authorizationHeader(auth, settings.token);
  const client = new SchemaRegistry({
    host,
    ...(authorization === undefined ? {} : { middlewares: [withHeader(authorization)] }),
  });
  const texts = new Map<number, Promise<string>>();
  return {
    register: (subject, text) =>
      settings.registration === 'lookup'
        ? lookUp(client, subject, text)
        : register(client, subject, text, () =>
            finishRegistration(host, authorization, { subject, text, compatibility: COMPATIBILITY.FULL_TRANSITIVE }),
          ),
    textOf: id => {
      const known = texts.get(id);
      if (known !== undefined) return known;
      const fetched = fetchText(host, authorization, id, settings.timeoutMs ?? 10_000);
      texts.set(id, fetched);
      // A failure is not remembered: the registry may come back, or the schema be registered after all.
      fetched.catch(() => texts.delete(id));
      return fetched;
    },
  };
}

/**
 * Throws SchemaError `unauthorized` where the registry does not know the credentials. Whatever else it answers, or that it gives no
 * answer, is left to the call that needs it.
 */
export async function checkCredentials({ url, token, timeoutMs = 10_000 }: RegistrySettings): Promise<void> {
  const { host, auth } = splitCredentials(url);
  const authorization = authorizationHeader(auth, token);
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = authorization === undefined ? {} : { authorization };
  const answer = await fetch(`${host}/subjects`, { headers, signal }).catch(() => undefined);
  await answer?.body?.cancel();
  if (answer?.status !== 401) return;
  const sent = { undefined: 'no credentials', Bearer: 'the token', Basic: 'user and password' }[
    `${authorization?.split(' ')[0]}`
  ];
  throw new SchemaError('unauthorized', `${host} refuses ${sent} (401)`);
}

/** Registry settings as the environment gives them; undefined where it names no registry. */
export function registrySettingsFrom(env: Readonly<Record<string, string | undefined>>): RegistrySettings | undefined {
  const url = env.SCHEMA_REGISTRY_URL;
  if (url === undefined || url === '') return undefined;
  const registration = env.SCHEMA_REGISTRATION === 'lookup' ? 'lookup' : 'register';
  return { url, token: env.SCHEMA_REGISTRY_TOKEN, registration };
}

const CREDENTIALS = 'SCHEMA_REGISTRY_TOKEN, or user and password in SCHEMA_REGISTRY_URL';
const maxRaces = 10;

async function register(
  client: SchemaRegistry,
  subject: string,
  text: string,
  finish: () => Promise<boolean>,
  races = 0,
): Promise<number> {
  try {
    const schema = { type: SchemaType.AVRO, schema: text } as const;
    const { id } = await client.register(schema, { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE });
    return id;
  } catch (error) {
    if (!isRaced(error)) throw explain(error, subject);
    // Nobody is on the way any more: the rule is somebody's will, or was left to be named by one that was killed.
    if (races >= maxRaces && !(await finish().catch(() => false))) throw explain(error, subject);
    await delay(50 + Math.random() * 50);
    return register(client, subject, text, races >= maxRaces ? async () => false : finish, races + 1);
  }
}

/**
 * Instances that start at once each name the compatibility of a new subject. A registry may answer all but the first that
 * there is a rule already (409); and between another's registration and its naming the subject has no rule, which reads as
 * the registry's default. Asked again, they find it; what stays otherwise is another's will.
 */
function isRaced(error: unknown): boolean {
  if (error instanceof Error && error.name === 'ConfluentSchemaRegistryCompatibilityError') return true;
  if (typeof error !== 'object' || error === null || !('status' in error) || !('url' in error)) return false;
  return Number(error.status) === 409 && String(error.url).includes('/config/');
}

async function lookUp(client: SchemaRegistry, subject: string, text: string): Promise<number> {
  try {
    return await client.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema: text });
  } catch (error) {
    throw explain(error, subject);
  }
}

async function fetchText(
  host: string,
  authorization: string | undefined,
  id: number,
  timeoutMs: number,
): Promise<string> {
  const url = `${host}/schemas/ids/${id}`;
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/vnd.schemaregistry.v1+json', ...(authorization ? { authorization } : {}) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) {
      await response.body?.cancel();
      const code = codeOf(response.status, 'unknown-schema');
      const message = `${url} answered ${response.status}, expected a schema`;
      throw new SchemaError(code, code === 'unauthorized' ? `${message}: are ${CREDENTIALS} right?` : message);
    }
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null && 'schema' in body && typeof body.schema === 'string')
      return body.schema;
    throw new SchemaError('unavailable', `${url} answered no schema text: is it the registry's Confluent API?`);
  } catch (error) {
    if (error instanceof SchemaError) throw error;
    throw new SchemaError('unavailable', `${url} gave no answer: ${describe(error)}`, { cause: error });
  }
}

function explain(error: unknown, subject: string): SchemaError {
  // The client hides the status where a lookup finds nothing, and throws this error for nothing else.
  const missing = error instanceof Error && error.name === 'ConfluentSchemaRegistryError';
  const answered = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 0;
  const status = missing ? 404 : answered;
  const what = describe(error);
  if (error instanceof Error && error.name === 'ConfluentSchemaRegistryCompatibilityError') {
    const advice = `set the compatibility of ${subject} to FULL_TRANSITIVE, or register under another subject`;
    return new SchemaError('compatibility-differs', `${what}: ${advice}`, { cause: error });
  }
  const code = codeOf(status, 'not-registered');
  const message = {
    'not-registered': `${subject} has no version with this schema text, and registering is switched off: register it first`,
    incompatible: `The registry refuses the schema of ${subject} as incompatible: ${what}`,
    unauthorized: `The registry refuses the credentials (${CREDENTIALS}) for ${subject}: ${what}`,
  }[code as string];
  return new SchemaError(code, message ?? `The registry gave no answer for ${subject}: ${what}`, { cause: error });
}

function codeOf(status: number, missing: SchemaErrorCode): SchemaErrorCode {
  if (status === 404) return missing;
  if (status === 409 || status === 422) return 'incompatible';
  return status === 401 || status === 403 ? 'unauthorized' : 'unavailable';
}

function splitCredentials(address: string): { host: string; auth: { username: string; password: string } | undefined } {
  const url = new URL(address);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const host = url.href.replace(/\/+$/, '');
  if (username === '') return { host, auth: undefined };
  return { host, auth: { username: percentDecoded(username), password: percentDecoded(password) } };
}

/** A "%" that begins no escape stands for itself: who puts a password into an address may not know better. */
function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, escaped => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
}

function authorizationHeader(
  auth: { username: string; password: string } | undefined,
  token: string | undefined,
): string | undefined {
  if (token !== undefined && token !== '') return `Bearer ${token}`;
  return auth && `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

type Middlewares = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>;

const withHeader =
  (authorization: string): Middlewares[number] =>
  () => ({
    prepareRequest: async next => (await next()).enhance({ headers: { authorization } }),
  });

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
