/**
 * The file of webhooks: for each name how a delivery is checked, what names it, and which event it is. YAML, read strictly; what is wrong is said
 * all at once, when the gateway starts.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { readYaml, type YamlProblem } from '../../../core/edge/yaml-file.ts';
import { ACTION_RULE, isAction } from '../../../core/event/index.ts';
import { pointerText, source } from './value.ts';

const text = z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' });
const headerName = text.regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'the name of a header' });
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' });

const any = source();
const action = source({ test: value => typeof value === 'string' && isAction(value), expected: ACTION_RULE });
const oneOf = (...words: string[]) =>
  source({ test: value => words.includes(String(value)), expected: words.join(', ') });

const event = z.strictObject(
  {
    action,
    target: z.strictObject({ type: any, id: any, name: any.optional() }, { error: 'type and id' }),
    actor: z
      .strictObject(
        { kind: oneOf('human', 'machine', 'agent'), id: any, name: any.optional() },
        { error: 'kind and id' },
      )
      .optional(),
    occurredAt: any.optional(),
    outcome: oneOf('success', 'denied', 'failure').optional(),
    tenant: any.optional(),
    reason: any.optional(),
    origin: z
      .strictObject(
        {
          service: any.optional(),
          version: any.optional(),
          commit: any.optional(),
          environment: any.optional(),
          region: any.optional(),
          host: any.optional(),
        },
        { error: 'fields of an origin' },
      )
      .optional(),
    request: z
      .strictObject(
        { id: any.optional(), traceParent: any.optional(), clientAddress: any.optional(), userAgent: any.optional() },
        { error: 'fields of a request' },
      )
      .optional(),
    change: z
      .strictObject(
        { perimeter: any, reference: any.optional(), run: any.optional(), approval: any.optional() },
        { error: 'a perimeter, and fields of a change' },
      )
      .optional(),
    attributes: z.record(text, any, { error: 'a map of attributes' }).optional(),
  },
  { error: 'what becomes of a delivery: action and target' },
);

const condition = z
  .strictObject(
    {
      pointer: pointerText,
      in: z.array(scalar, { error: 'a list' }).optional(),
      notIn: z.array(scalar, { error: 'a list' }).optional(),
    },
    { error: 'a pointer, and in or notIn' },
  )
  .refine(({ in: among, notIn }) => (among === undefined) !== (notIn === undefined), {
    error: 'in or notIn, one of them',
  });

const delivery = z
  .strictObject(
    { header: headerName.optional(), pointer: pointerText.optional() },
    { error: '{ header: … } or { pointer: /… }' },
  )
  .refine(({ header, pointer }) => (header === undefined) !== (pointer === undefined), {
    error: 'header or pointer, one of them',
  });

/** Names of routes that are there without a file. */
const RESERVED = ['github', 'kubernetes', 'cloudtrail'];
const name = z.string().refine(value => /^[a-z][a-z0-9-]{0,62}$/.test(value) && !RESERVED.includes(value));
const NAME_FORM = `a name of small letters, digits and hyphens, and not ${RESERVED.join(', ')}`;

function signature(readSecret: (path: string) => string) {
  const secretFile = text.transform((path, context) => {
    const secret = readSecret(path);
    if (secret !== '') return secret;
    // Without what was found: it may be the secret itself.
    context.addIssue({ code: 'custom', input: undefined, message: 'a file that can be read and is not empty' });
    return z.NEVER;
  });
  const signed = text.transform((value, context) => {
    const parts = value.split(/(\{timestamp\}|\{body\})/).filter(part => part !== '');
    const places = parts.filter(part => part.startsWith('{')).join('');
    if (places === '{timestamp}{body}') return parts;
    context.addIssue({ code: 'custom', input: value, message: 'a text with {timestamp} and then {body}' });
    return z.NEVER;
  });
  const timestamp = z.strictObject(
    {
      header: headerName.optional(),
      element: text.optional(),
      signed,
      toleranceSeconds: z
        .number({ error: 'a number of seconds' })
        .int({ error: 'whole seconds' })
        .min(1, { error: 'from 1 second' })
        .max(3600, { error: 'at most an hour' })
        .default(300),
    },
    { error: 'header or element, and what is signed' },
  );
  return z
    .strictObject(
      {
        header: headerName,
        element: text.optional(),
        prefix: z.string({ error: 'a text' }).default(''),
        encoding: z.enum(['hex', 'base64'], { error: 'hex or base64' }).default('hex'),
        secretFile,
        timestamp: timestamp.optional(),
      },
      { error: 'a header and a file of the secret' },
    )
    .transform(({ secretFile: secret, element, timestamp: time, ...rest }) => ({
      ...rest,
      element,
      secret,
      timestamp: time && { ...time, header: time.header ?? rest.header, element: time.element },
    }));
}

function file(readSecret: (path: string) => string) {
  const webhook = z
    .strictObject(
      {
        signature: signature(readSecret).optional(),
        /** Instead of a signature: the caller has an API key or a token, as on other routes. */
        credential: z.literal('required', { error: 'required' }).optional(),
        delivery,
        /** All of them hold, or the delivery is ignored. */
        when: z.array(condition, { error: 'a list of conditions' }).default([]),
        event,
      },
      { error: 'a webhook: signature or credential, delivery, event' },
    )
    .refine(({ signature: signed, credential }) => (signed === undefined) !== (credential === undefined), {
      error: 'signature, or credential: required, one of them',
    });
  return z.strictObject(
    {
      version: z.literal(1, { error: '1' }),
      webhooks: z.record(name, webhook, {
        error: ({ code }) => (code === 'invalid_key' ? NAME_FORM : 'a map of webhooks'),
      }),
    },
    { error: 'a file of webhooks: version, webhooks' },
  );
}

export type Webhook = z.output<ReturnType<typeof file>>['webhooks'][string];
export type Webhooks = Readonly<Record<string, Webhook>>;

/** `path` is the file's: those of secrets are beside it. */
export function parseWebhooks(content: string, path: string): { webhooks: Webhooks; problems: readonly YamlProblem[] } {
  const readSecret = (secret: string) => {
    try {
      return readFileSync(resolve(dirname(path), secret), 'utf8').trim();
    } catch {
      return '';
    }
  };
  const { data, problems } = readYaml(content, file(readSecret));
  return { webhooks: data?.webhooks ?? {}, problems };
}
