// What a scope carries, how far, and what wins over it.
import { context, type Span, type SpanContext, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Denied } from '../../../producers/sdk/around.ts';
import type { ActorInput, AuditInput } from '../../../producers/sdk/input.ts';
import { anEvent, fakeAuditor } from './fake-transport.ts';

const ada: ActorInput = { kind: 'human', id: 'u-1842', roles: ['support'] };
const bob: ActorInput = { kind: 'human', id: 'u-2077' };
const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const tick = () => new Promise(resolve => setImmediate(resolve));
const invalid = { action: 'account.close' } as unknown as AuditInput;

/** The events that a piece of code records, in their order. */
async function eventsOf(code: (auditor: ReturnType<typeof fakeAuditor>['auditor']) => unknown) {
  const { auditor, transport, errors } = fakeAuditor();
  await code(auditor);
  await auditor.flush();
  return { events: transport.taken.map(({ event }) => event), errors };
}

describe('a scope', () => {
  test('reaches whatever is recorded below it, after awaits and in callbacks, and ends with it', async () => {
    const { events } = await eventsOf(async audit => {
      const deep = async () => {
        await tick();
        await Promise.all([tick().then(() => audit.record(anEvent('deep'))), tick()]);
        setImmediate(() => audit.emit(anEvent('callback')));
        return 'answer';
      };
      const scope = { actor: ada, tenant: 'acme', request: { id: 'r-1' }, reason: 'ticket', attributes: { a: 1 } };
      expect(await audit.with(scope, deep)).toBe('answer');
      await audit.record(anEvent('outside'));
      await tick();
    });
    const byId = new Map(events.map(event => [event.targets[0]?.id, event]));
    for (const id of ['deep', 'callback']) {
      expect(byId.get(id)).toMatchObject({
        actor: { id: 'u-1842', roles: ['support'] },
        tenant: 'acme',
        request: { id: 'r-1' },
        reason: 'ticket',
        attributes: [{ key: 'a', value: { type: 'integer', text: '1' } }],
      });
    }
    expect(byId.get('outside')).toMatchObject({ actor: null, tenant: null, request: null, reason: null });
  });

  test('is its own in each of many requests at once', async () => {
    const { events } = await eventsOf(audit =>
      Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          audit.with({ actor: { kind: 'human', id: `u-${n}` } }, async () => {
            for (let turns = n % 5; turns > 0; turns--) await tick();
            await audit.record(anEvent(String(n)));
          }),
        ),
      ),
    );
    expect(events).toHaveLength(50);
    expect(events.filter(event => event.actor?.id !== `u-${event.targets[0]?.id}`)).toEqual([]);
  });

  test('yields to what the event says, null as well; request and attributes are joined', async () => {
    const { events } = await eventsOf(audit => {
      const scope = {
        actor: ada,
        tenant: 'acme',
        request: { id: 'r-1', clientAddress: '192.0.2.7' },
        attributes: { a: 1, b: 2 },
      };
      return audit.with(scope, async () => {
        await audit.record({ ...anEvent('1'), actor: bob, request: { id: 'job' }, attributes: { b: 3, c: undefined } });
        await audit.record({ ...anEvent('2'), actor: null, tenant: null, request: null, attributes: null });
        await audit.record({ ...anEvent('3'), actor: undefined, request: { id: undefined } });
      });
    });
    expect(events[0]).toMatchObject({ actor: { id: 'u-2077' }, request: { id: 'job', clientAddress: '192.0.2.7' } });
    expect(events[0]?.attributes.map(({ key, value }) => [key, value.text])).toEqual([
      ['a', '1'],
      ['b', '3'],
    ]);
    expect(events[1]).toMatchObject({ actor: null, tenant: null, request: null, attributes: [] });
    expect(events[2]).toMatchObject({ actor: { id: 'u-1842' }, request: { id: 'r-1', clientAddress: '192.0.2.7' } });
  });

  test('within a scope adds to it, and takes nothing along when it ends', async () => {
    const { events } = await eventsOf(audit =>
      audit.with({ actor: ada, attributes: { a: 1 } }, async () => {
        await audit.with({ tenant: 'acme', attributes: { b: 2 } }, () => audit.record(anEvent('inner')));
        await audit.record(anEvent('outer'));
      }),
    );
    expect(events[0]).toMatchObject({ actor: { id: 'u-1842' }, tenant: 'acme' });
    expect(events[0]?.attributes.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(events[1]).toMatchObject({ actor: { id: 'u-1842' }, tenant: null });
    expect(events[1]?.attributes.map(({ key }) => key)).toEqual(['a']);
  });

  test('is amended by what becomes known later; outside of one there is nothing to amend', async () => {
    const { events } = await eventsOf(async audit => {
      expect(audit.amend({ actor: bob })).toBe(false);
      await audit.with({ request: { id: 'r-1' } }, async () => {
        const login = async () => audit.amend({ actor: ada, request: { userAgent: 'x' } });
        expect(await login()).toBe(true);
        await audit.record(anEvent());
      });
      await audit.record(anEvent('outside'));
    });
    expect(events[0]).toMatchObject({ actor: { id: 'u-1842' }, request: { id: 'r-1', userAgent: 'x' } });
    expect(events[1]?.actor).toBeNull();
  });

  test('that is wrong is an error of the event, not of what runs in it', async () => {
    const { auditor } = fakeAuditor();
    const scope = { actor: { kind: 'robot', id: 'x' } } as unknown as { actor: ActorInput };
    const outcome = auditor.with(scope, () => auditor.record(anEvent()));
    await expect(outcome).rejects.toMatchObject({ code: 'invalid-event', field: 'actor.kind' });
    expect(auditor.with(undefined as never, () => 5)).toBe(5);
    expect(() => auditor.with({}, () => JSON.parse('{'))).toThrow(SyntaxError);
  });
});

describe('the active span', () => {
  const manager = new AsyncLocalStorageContextManager().enable();
  beforeAll(() => {
    expect(context.setGlobalContextManager(manager)).toBe(true);
  });
  afterAll(() => context.disable());

  const inSpan = <T>(ids: Partial<SpanContext>, fn: () => T): T => {
    const span: Span = trace.wrapSpanContext({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
      ...ids,
    });
    return context.with(trace.setSpan(context.active(), span), fn);
  };

  test('is the trace of the event, nearer than the header, farther than what the event says', async () => {
    const { events } = await eventsOf(async audit => {
      await inSpan({}, () => audit.record(anEvent()));
      await audit.with({ request: { id: 'r', traceParent: parent } }, async () => {
        await inSpan({ traceFlags: 0 }, () => audit.record(anEvent()));
        await inSpan({}, () => audit.record({ ...anEvent(), request: { traceParent: parent } }));
        await audit.record(anEvent());
      });
      await inSpan({ traceId: '0'.repeat(32) }, () => audit.record(anEvent()));
      await inSpan({}, () => audit.record({ ...anEvent(), request: null }));
    });
    expect(events.map(({ request }) => request?.traceParent)).toEqual([
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      parent,
      parent,
      undefined,
      undefined,
    ]);
    expect(events[1]?.request?.id).toBe('r');
  });
});

describe('around', () => {
  const target = { type: 'order', id: 'o-1' };

  test('records success, denial and failure, and passes answer and error on as they are', async () => {
    const failure = Object.assign(new Error('secret text'), { code: 'E_STOCK' });
    const denials = [new Denied('no'), { statusCode: 401 }, { status: 403 }];
    const { events } = await eventsOf(async audit => {
      const answer = { order: 1 };
      expect(await audit.around('order.refund', target, () => answer, { reason: 'asked' })).toBe(answer);
      for (const error of [failure, ...denials, 'text', null, undefined]) {
        const thrown = await audit
          .around('order.refund', target, async () => Promise.reject(error))
          .catch(e => ({ e }));
        expect(thrown).toEqual({ e: error });
        expect((thrown as { e: unknown }).e).toBe(error);
      }
      const mine = { denied: (error: unknown) => error === failure, attributes: { cents: 5 } };
      await audit
        .around('order.refund', [target, { type: 'account', id: '2' }], () => Promise.reject(failure), mine)
        .catch(() => 0);
      const throwing = () => {
        throw new Error('in the predicate');
      };
      await audit.around('order.refund', target, () => Promise.reject(failure), { denied: throwing }).catch(() => 0);
    });
    const outcomes = events.map(({ outcome }) => outcome);
    expect(outcomes).toEqual([
      'success',
      'failure',
      'denied',
      'denied',
      'denied',
      'failure',
      'failure',
      'failure',
      'denied',
      'failure',
    ]);
    expect(events[0]?.reason).toBe('asked');
    expect(events[1]?.attributes).toEqual([{ key: 'error.type', value: { type: 'string', text: 'E_STOCK' } }]);
    expect(JSON.stringify(events)).not.toContain('secret text');
    expect(events[8]?.targets).toHaveLength(2);
    expect(events[8]?.attributes.map(({ key }) => key)).toEqual(['error.type', 'cents']);
  });

  test('leaves the caller alone where it cannot record, unless the evidence has to come first', async () => {
    const { auditor, transport, errors } = fakeAuditor();
    transport.answer = () => 'refused';
    const done = () => 'done';
    expect(await auditor.around('order.refund', target, done)).toBe('done');
    expect(await auditor.around('no action', target, done)).toBe('done');
    await expect(auditor.around('order.refund', target, done, { via: 'record' })).rejects.toMatchObject({
      code: 'not-sent',
    });
    const failure = new Error('mine');
    const failing = auditor.around('order.refund', target, () => Promise.reject(failure), { via: 'record' });
    await expect(failing).rejects.toBe(failure);
    await auditor.flush();
    expect(errors.map(({ code }) => code).toSorted()).toEqual(['invalid-event', 'not-sent', 'not-sent']);
  });

  test('has the scope of its caller, and of what is amended within', async () => {
    const { events } = await eventsOf(audit =>
      audit.with({ actor: ada }, () => audit.around('order.refund', target, () => audit.amend({ tenant: 'acme' }))),
    );
    expect(events[0]).toMatchObject({ actor: { id: 'u-1842' }, tenant: 'acme' });
  });
});

describe('change', () => {
  const target = { type: 'account', id: '42' };

  test('records what differs, under a name that says whether it was made, changed or ended', async () => {
    const { events } = await eventsOf(async audit => {
      expect(await audit.change(target, { a: 1, b: 2 }, { a: 1, b: 3 }, { reason: 'asked' })).toMatch(
        /^[0-9a-f-]{36}$/,
      );
      await audit.change(target, null, { a: 1 });
      await audit.change(target, { a: 1 }, undefined, { action: 'account.close', outcome: 'failure' });
      expect(await audit.change(target, { a: [1] }, { a: [1] })).toBeNull();
    });
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['account.change', 'success'],
      ['account.create', 'success'],
      ['account.close', 'failure'],
    ]);
    const integer = (text: string) => ({ type: 'integer', text });
    expect(events.map(({ targets }) => targets[0]?.changes)).toEqual([
      [{ field: 'b', before: integer('2'), after: integer('3') }],
      [{ field: 'a', before: null, after: integer('1') }],
      [{ field: 'a', before: integer('1'), after: null }],
    ]);
    expect(events[0]?.reason).toBe('asked');
  });

  test('is checked like any other event', async () => {
    const { auditor } = fakeAuditor();
    const odd = auditor.change({ type: 'Account', id: '1' }, {}, { a: 1 });
    await expect(odd).rejects.toMatchObject({ code: 'invalid-event', field: 'action' });
    await expect(auditor.record(invalid)).rejects.toMatchObject({ field: 'target' });
  });
});
