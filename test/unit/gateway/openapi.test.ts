// The OpenAPI document: it has every route, every example in it is accepted, and its references lead somewhere.

import { expect, test } from 'vitest';
import { eventRoutes } from '../../../producers/gateway/http/routes.ts';
import { world } from './world.ts';

interface Document {
  readonly openapi: string;
  readonly paths: {
    readonly [url: string]: {
      post: { requestBody: { content: { [type: string]: { example: object } } }; responses: object };
    };
  };
  readonly components: { readonly schemas: { readonly [name: string]: unknown } };
}

test('the document has every route, and each of its examples is recorded', async () => {
  const { app, audit, postTo } = await world();
  const answer = await app.inject({ url: '/openapi.json' });
  expect(answer).toMatchObject({
    statusCode: 200,
    headers: { 'content-type': expect.stringMatching(/^application.json/) },
  });
  const document = answer.json<Document>();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual([...eventRoutes.map(({ url }) => url), '/v1/logs']);
  let examples = 0;
  for (const [url, { post }] of Object.entries(document.paths)) {
    for (const [type, { example }] of Object.entries(post.requestBody.content)) {
      const { statusCode } = await postTo(url, example, { 'content-type': type });
      expect(statusCode, `${url} ${type}`).toBe(url === '/v1/logs' ? 200 : 202);
      examples += 1;
    }
  }
  expect(audit.events).toHaveLength(examples);
  const names = [...answer.body.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set(Object.keys(document.components.schemas)));
});

test('the schema of an event names the fields that are taken, and no others', async () => {
  const { app, post } = await world();
  const { components } = (await app.inject({ url: '/openapi.json' })).json<Document>();
  const { properties } = components.schemas.Event as { properties: object };
  const answer = await post({ action: 'a.b', target: { type: 't', id: 'i' }, other: 1 });
  // What an unknown property is told names those that there are.
  const { expected } = answer.json().results[0].problems[0];
  expect(expected).toBe(`one of ${Object.keys(properties).join(', ')}`);
});
