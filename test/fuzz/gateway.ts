// Bodies that nobody meant, to every route of the gateway that takes events under a credential: none makes it fail, and what it says that it
// accepted is what it recorded.

import fc from 'fast-check';

export interface FuzzedGateway {
  /** Asks as somebody whose credential holds; answers the status and the body. */
  ask(url: string, payload: string, headers: Record<string, string>): Promise<{ status: number; body: string }>;
  /** What was recorded, in order. */
  recorded(): readonly { readonly id: string }[];
}

export const fuzzedRoutes = ['/v1/events', '/v1/cloudevents', '/v1/webhooks/kubernetes', '/v1/webhooks/cloudtrail'];
const types = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json', 'text/plain'];

const event = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' } };
const cloudEvent = { specversion: '1.0', id: 'a', source: '/s', type: 'com.example.account.close', data: event };
const audit = {
  auditID: 'a',
  stage: 'ResponseComplete',
  verb: 'get',
  user: { username: 'u' },
  objectRef: { resource: 'pods' },
};
const trail = {
  eventID: 'e',
  eventName: 'RunInstances',
  eventSource: 'ec2.amazonaws.com',
  userIdentity: { type: 'IAMUser' },
};
const samples = [event, cloudEvent, audit, trail, { kind: 'EventList', items: [audit] }, { Records: [trail] }];

/** Samples of which fields were replaced by anything, or taken from another. */
const names = fc.constantFrom(...new Set(samples.flatMap(sample => Object.keys(sample))), '__proto__', 'kind', 'items');
const part = fc.oneof(fc.jsonValue(), ...samples.map(sample => fc.constant(sample)), fc.constant(event.target));
const almost = fc
  .tuple(fc.constantFrom(...samples), fc.dictionary(names, part, { maxKeys: 4 }))
  .map(([sample, fields]) => ({ ...sample, ...fields }));
const text = fc.oneof(
  { weight: 1, arbitrary: fc.oneof(fc.string(), fc.json()) },
  {
    weight: 3,
    arbitrary: fc.oneof(part, almost, fc.array(almost, { maxLength: 4 })).map(value => JSON.stringify(value)),
  },
);
const header = fc.constantFrom(
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-specversion',
  'ce-time',
  'ce-subject',
  'idempotency-key',
);
const value = fc.oneof(
  fc.constantFrom('1.0', 'a.b', '%', '%zz', '2026-01-05T12:00:00Z'),
  fc.stringMatching(/^[ -~]{0,30}$/),
);

/** Counts of answers by status. Throws what fast-check says of the first body that is answered as it must not be. */
export async function fuzzGateway(gateway: FuzzedGateway, runs: number, seed: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const ask = async (url: string, type: string, body: string, more: Record<string, string>): Promise<void> => {
    const before = gateway.recorded().length;
    const { status, body: answer } = await gateway.ask(url, body, { ...more, 'content-type': type });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status >= 500) throw new Error(`answered ${status}`);
    const results: { id?: string; status: string }[] = JSON.parse(answer).results ?? [];
    const accepted = results.filter(result => result.status === 'accepted').map(({ id }) => id);
    const recorded = gateway
      .recorded()
      .slice(before)
      .map(({ id }) => id);
    // What is under a key that was used before is answered as then.
    const isAnew = more['idempotency-key'] === undefined || recorded.length > 0;
    if (isAnew && accepted.join() !== recorded.join()) throw new Error(`accepted ${accepted}, recorded ${recorded}`);
  };
  const headers = fc.dictionary(header, value, { maxKeys: 7 });
  const property = fc.asyncProperty(fc.constantFrom(...fuzzedRoutes), fc.constantFrom(...types), text, headers, ask);
  await fc.assert(property, { numRuns: runs, seed });
  return statuses;
}
