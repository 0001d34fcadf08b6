// The test kit: what it keeps, how it is asked, and that it refuses what the real auditor refuses.
import { beforeEach, describe, expect, test } from 'vitest';
import { AuditError, defineActions } from '../../../producers/sdk/index.ts';
import type { AuditInput } from '../../../producers/sdk/input.ts';
import { auditMatchers, createTestAuditor } from '../../../producers/sdk/testing/index.ts';
import '../../../producers/sdk/testing/vitest.ts';

const audit = createTestAuditor();
beforeEach(() => audit.clear());

const big = 2n ** 80n;
const full: AuditInput = {
  action: 'account.limit.change',
  outcome: 'denied',
  tenant: 'acme',
  actor: { kind: 'human', id: 'u-1', roles: ['support'], credential: { method: 'oidc' } },
  target: {
    type: 'account',
    id: '42',
    changes: [
      { field: 'daily', before: 100, after: 500 },
      { field: 'note', before: null },
      { field: 'big', after: big },
    ],
  },
  reason: 'asked',
  attributes: { text: '5', number: 1.5, list: [1, { a: true }], at: new Date(0), yes: true },
};

describe('what was recorded', () => {
  test('is there at once, in the words of who recorded it', async () => {
    audit.emit(full);
    expect(audit.events).toHaveLength(1);
    const { id, occurredAt, origin, ...event } = audit.events[0] ?? {};
    expect(event).toEqual({
      action: 'account.limit.change',
      outcome: 'denied',
      tenant: 'acme',
      actor: { kind: 'human', id: 'u-1', roles: ['support'], credential: { method: 'oidc' } },
      target: {
        type: 'account',
        id: '42',
        changes: [
          { field: 'daily', before: 100, after: 500 },
          { field: 'note', before: null },
          { field: 'big', after: big },
        ],
      },
      targets: [expect.objectContaining({ id: '42' })],
      reason: 'asked',
      attributes: { text: '5', number: 1.5, list: [1, { a: true }], at: '1970-01-01T00:00:00.000Z', yes: true },
    });
    expect(occurredAt).toBeInstanceOf(Date);
    expect(origin).toEqual({ service: 'test', host: 'localhost' });
    expect(await audit.record(full)).toBe(audit.events[1]?.id);
    expect(id).not.toBe(audit.events[1]?.id);
  });

  test('is found by a part of it', () => {
    audit.emit(full);
    expect(audit).toHaveRecorded({ action: 'account.limit.change' });
    expect(audit).toHaveRecorded({ target: { id: '42' }, actor: { roles: ['support'] }, outcome: 'denied' });
    expect(audit).toHaveRecorded({ attributes: { at: new Date(0), list: [1, { a: true }] } });
    expect(audit).toHaveRecorded({ attributes: { text: expect.stringMatching(/^\d$/) }, reason: expect.any(String) });
    expect(audit).toHaveRecorded({ request: undefined, attributes: { none: undefined } });
    expect(audit).toHaveRecorded({ action: 'account.limit.change' }, 1);
    expect(audit).not.toHaveRecorded({ action: 'account.close' });
    expect(audit).not.toHaveRecorded({ action: 'account.limit.change' }, 2);
    expect(audit).not.toHaveRecorded({ target: { id: '4' } });
    expect(audit).not.toHaveRecorded({ target: { changes: [{ field: 'daily' }] } });
    expect(audit).not.toHaveRecorded({ attributes: { text: 5 } });
    expect(audit).not.toHaveRecorded({ reason: undefined });
    expect(audit).not.toHaveRecorded({ attributes: { toString: expect.any(Function) } });
    expect(audit.recorded({ tenant: 'acme' })).toHaveLength(1);
    expect(audit.recorded()).toEqual(audit.events);
  });

  test('is told where nothing was found, with what was refused', () => {
    audit.emit(full);
    audit.emit({ action: 'account.close' } as unknown as AuditInput);
    const { pass, message } = auditMatchers.toHaveRecorded(audit, { target: { id: 43n } });
    expect(pass).toBe(false);
    expect(message()).toMatch(
      /^expected to find an event like .*43n.*found 0 among 1:\n {2}\{.*"account\.limit\.change".*\n {2}refused: Invalid event: target/,
    );
    expect(auditMatchers.toHaveRecorded({}, {}).message()).toContain('createTestAuditor');
    expect(() => expect(audit).not.toHaveRecorded({})).toThrow(/expected not to find an event/);
  });
});

describe('an auditor for tests', () => {
  test('refuses, completes and masks as the real one does', async () => {
    await expect(audit.record({ ...full, action: 'Close' })).rejects.toMatchObject({
      code: 'invalid-event',
      field: 'action',
    });
    audit.emit({ ...full, outcome: 'done' as 'success' });
    expect(audit.errors.map(({ field }) => field)).toEqual(['outcome']);
    expect(audit.events).toEqual([]);
    await audit.with({ tenant: 'other' }, () =>
      audit.change({ type: 'user', id: '1' }, { password: 'a' }, { password: 'b' }),
    );
    const masked = '[masked: secret-field]';
    expect(audit).toHaveRecorded({
      tenant: 'other',
      target: { changes: [{ field: 'password', before: masked, after: masked }] },
    });
    const actions = defineActions({ 'account.close': { targets: ['account'], required: ['reason'] } });
    const declared = createTestAuditor({ actions, service: 'billing' });
    await expect(declared.record({ action: 'account.close', target: { id: '1' } })).rejects.toMatchObject({
      rule: 'account.close/required',
    });
    await declared.record({ action: 'account.close', target: { id: '1' }, reason: 'asked' });
    expect(declared).toHaveRecorded({ target: { type: 'account' }, origin: { service: 'billing' } });
  });

  test('can be as one whose brokers are away', async () => {
    audit.away = true;
    await expect(audit.record(full)).rejects.toMatchObject({ code: 'not-sent' });
    audit.emit(full);
    await audit.flush();
    expect([audit.events.length, audit.errors[0] instanceof AuditError]).toEqual([0, true]);
    audit.away = false;
    await audit.record(full);
    expect(audit).toHaveRecorded({ tenant: 'acme' }, 1);
  });

  test('closes, and records nothing after', async () => {
    const other = createTestAuditor();
    await other.record(full);
    await other.close();
    expect(other.events).toHaveLength(1);
    await expect(other.record(full)).rejects.toMatchObject({ code: 'closed' });
  });
});
