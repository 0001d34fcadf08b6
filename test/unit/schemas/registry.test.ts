// Against a registry of a few lines that shows what it was asked; the real one is in test/integration.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { auditEventText, subjectFor } from '../../../schemas/avro.ts';
import { checkCredentials, openRegistry, registrySettingsFrom } from '../../../schemas/registry.ts';

interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let server: Server | undefined;
afterEach(() => server?.close());

async function serve(answer: (asked: Asked) => [number, unknown]): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    asked.push(one);
    const [status, value] = answer(one);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  });
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`, asked };
}

test('registers the text byte for byte, and names the compatibility', async () => {
  const { url, asked } = await serve(({ path, method }) => {
    if (path.includes('/config/')) return method === 'GET' ? [404, { error_code: 40408 }] : [200, {}];
    return [200, { id: 7 }];
  });
  expect(await openRegistry({ url }).register(subjectFor('audit.raw'), auditEventText)).toBe(7);
  const register = asked.find(({ path }) => path === '/api/subjects/audit.raw-value/versions');
  expect(JSON.parse(register?.body ?? '').schema).toBe(auditEventText);
  const config = asked.find(({ method }) => method === 'PUT');
  expect(config?.path).toBe('/api/config/audit.raw-value');
  expect(config?.body).toContain('FULL_TRANSITIVE');
});

test('only looks up where registering is forbidden, and says what is missing', async () => {
  const { url, asked } = await serve(() => [404, { error_code: 40403, message: 'Schema not found' }]);
  const registry = openRegistry({ url, registration: 'lookup' });
  await expect(registry.register('s-value', auditEventText)).rejects.toMatchObject({
    code: 'not-registered',
    message: expect.stringContaining('s-value has no version with this schema text'),
  });
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /api/subjects/s-value']);
});

test.each([
  [409, 'incompatible'],
  [401, 'unauthorized'],
  [403, 'unauthorized'],
])('a registry that answers %d: %s', async (status, code) => {
  const { url } = await serve(({ path }) => (path.includes('/config/') ? [404, {}] : [status, { message: 'no' }]));
  await expect(openRegistry({ url }).register('s', auditEventText)).rejects.toMatchObject({ code });
});

test('a subject that another has just registered, and not named a compatibility yet, is asked for again', async () => {
  let asks = 0;
  const { url } = await serve(({ path }) => {
    if (path.includes('/config/')) return [200, { compatibilityLevel: ++asks < 3 ? 'NONE' : 'FULL_TRANSITIVE' }];
    return [200, { id: 7 }];
  });
  expect(await openRegistry({ url }).register('s', auditEventText)).toBe(7);
});

test('a subject with another compatibility is refused, with what to do', async () => {
  const { url } = await serve(() => [200, { compatibilityLevel: 'BACKWARD' }]);
  await expect(openRegistry({ url }).register('s', auditEventText)).rejects.toMatchObject({
    code: 'compatibility-differs',
    message: expect.stringContaining('FULL_TRANSITIVE'),
  });
});

test('answers the text of an id byte for byte, asks once, and forgets failures', async () => {
  const text = ' {"type" :"string"}\n';
  let there = false;
  const { url, asked } = await serve(() => (there ? [200, { schema: text }] : [404, {}]));
  const registry = openRegistry({ url });
  await expect(registry.textOf(3)).rejects.toMatchObject({ code: 'unknown-schema' });
  there = true;
  expect(await Promise.all([registry.textOf(3), registry.textOf(3)])).toEqual([text, text]);
  expect(await registry.textOf(3)).toBe(text);
  expect(asked).toHaveLength(2);
});

test('a registry that is not there is unavailable', async () => {
  const { url } = await serve(() => [500, {}]);
  await expect(openRegistry({ url }).textOf(1)).rejects.toMatchObject({ code: 'unavailable' });
  await new Promise(resolve => server?.close(resolve));
  await expect(openRegistry({ url }).textOf(1)).rejects.toMatchObject({ code: 'unavailable' });
});

test.each([
  ['user and password of the address', { user: 'us%40er:pass' }, `Basic ${btoa('us@er:pass')}`],
  ['a token', { token: 'secret' }, 'Bearer secret'],
])('credentials: %s', async (_, { user, token }: { user?: string; token?: string }, authorization) => {
  const { url, asked } = await serve(({ path }) =>
    path.includes('ids') ? [200, { schema: '"int"' }] : [200, { id: 1 }],
  );
  const address = user === undefined ? url : url.replace('//', `//${user}@`);
  const registry = openRegistry({ url: address, token, registration: 'lookup' });
  await registry.register('s', auditEventText);
  await registry.textOf(1);
  expect(asked.map(({ headers }) => headers.authorization)).toEqual([authorization, authorization]);
});

test('settings of the environment', () => {
  expect(registrySettingsFrom({})).toBeUndefined();
  expect(
    registrySettingsFrom({
      SCHEMA_REGISTRY_URL: 'http://r',
      SCHEMA_REGISTRY_TOKEN: 't',
      SCHEMA_REGISTRATION: 'lookup',
    }),
  ).toEqual({ url: 'http://r', token: 't', registration: 'lookup' });
});

test('refused credentials are told, and nothing else is', async () => {
  const { url } = await serve(({ headers }) => [headers.authorization === 'Bearer good' ? 200 : 401, []]);
  await checkCredentials({ url, token: 'good' });
  await expect(checkCredentials({ url, token: 'bad' })).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(checkCredentials({ url })).rejects.toThrow(/no credentials/);
  await checkCredentials({ url: 'http://127.0.0.1:1', token: 'bad' });
});

test('a "%" in a password stands for itself where it begins no escape', async () => {
  const { url, asked } = await serve(() => [200, []]);
  for (const password of ['50%off', 'p%40ss', '%ff'])
    await checkCredentials({ url: url.replace('//', `//me:${password}@`) });
  const sent = asked.map(({ headers }) => Buffer.from(headers.authorization?.split(' ')[1] ?? '', 'base64').toString());
  expect(sent).toEqual(['me:50%off', 'me:p@ss', 'me:%ff']);
});
