// Secrets and card numbers never leave the process. They are put together from parts here: none stands as scanners look for it.
import { describe, expect, test } from 'vitest';
import type { AuditInput } from '../../../producers/sdk/input.ts';
import { createMask } from '../../../producers/sdk/masking.ts';
import { fakeAuditor } from './fake-transport.ts';

const token = `ghp_${'a1B2c3D4e5'.repeat(4)}`;
const card = ['4111', '1111', '1111', '1111'].join(' ');
const everywhere: AuditInput = {
  action: 'account.close',
  tenant: `t ${token}`,
  actor: {
    kind: 'human',
    id: token,
    name: `N ${token}`,
    roles: [token],
    credential: { method: 'oidc', subject: token },
  },
  target: {
    type: 'account',
    id: card,
    name: token,
    changes: [
      { field: 'note', before: { text: token, n: 1 }, after: `card ${card}` },
      { field: 'number', before: 4111111111111111, after: null },
    ],
  },
  request: { id: token, userAgent: `agent ${token}` },
  change: { perimeter: 'deployment', reference: `https://u:${'p4ss'}word@host/x` },
  reason: `because of ${token}`,
  attributes: { [token]: 1, [`x ${token}`]: token },
};

describe('masking', () => {
  test('masks each text of an event, its key too, and the event stays valid', async () => {
    const { auditor, transport } = fakeAuditor();
    await auditor.record(everywhere);
    const [taken] = transport.taken;
    const sent = JSON.stringify([taken?.event, taken?.message.key]) + taken?.message.datum.toString('latin1');
    expect(sent).not.toContain(token);
    expect(sent).not.toContain('p4ssword');
    expect(sent.replace(/\D/g, '')).not.toContain(card.replace(/\D/g, ''));
    expect(taken?.message.key).toBe('account/[masked: card-number]');
    expect(taken?.event).toMatchObject({
      actor: { id: '[masked: github-token]', roles: ['[masked: github-token]'] },
      targets: [
        {
          changes: [
            { before: { type: 'json', text: '{"text":"[masked: github-token]","n":1}' } },
            { before: { type: 'string', text: '[masked: card-number]' }, after: { type: 'json', text: 'null' } },
          ],
        },
      ],
      reason: 'because of [masked: github-token]',
    });
  });

  test('leaves an event without any as it is', async () => {
    const mask = createMask();
    const { auditor, transport } = fakeAuditor();
    await auditor.record({ action: 'account.close', target: { type: 'account', id: '42' }, reason: 'asked for' });
    const event = transport.taken[0]?.event;
    if (event === undefined) throw new Error('nothing was taken');
    expect(mask(event)).toBe(event);
  });

  test('keeps two attributes apart whose keys become one', async () => {
    const { auditor, transport } = fakeAuditor();
    const attributes = { [token]: 1, [`${token}x`]: 2 };
    await auditor.record({ action: 'a.b', target: { type: 't', id: '1' }, attributes });
    const keys = transport.taken[0]?.event.attributes.map(({ key }) => key);
    expect(keys).toEqual(['[masked: github-token]', '[masked: github-token] 2']);
  });

  test('refuses what its masks make too long', async () => {
    const { auditor } = fakeAuditor();
    const cards = Array(27).fill('4111111111111111').join(', ');
    const long = auditor.record({ action: 'a.b', target: { type: 't', id: cards } });
    await expect(long).rejects.toMatchObject({ code: 'invalid-event', field: 'targets[0].id' });
  });

  test('can be told to look for one kind alone, or for none', async () => {
    const reasons = async (options: object) => {
      const { auditor, transport } = fakeAuditor({ mask: createMask(options) });
      await auditor.record({ action: 'a.b', target: { type: 't', id: '1' }, reason: `${token} ${card}` });
      return transport.taken[0]?.event.reason;
    };
    expect(await reasons({ cards: false })).toBe(`[masked: github-token] ${card}`);
    expect(await reasons({ secrets: false })).toBe(`${token} [masked: card-number]`);
    expect(await reasons({ secrets: false, cards: false })).toBe(`${token} ${card}`);
  });
});
