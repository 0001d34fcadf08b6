// What is masked and what is not. The secrets are put together from parts: none stands here as scanners look for it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../consumers/normalizer/policy/patterns.ts';
import { createDetector } from '../../../core/masking/detect.ts';
import { SECRETS } from '../../../core/masking/secrets.ts';
import { generateApiKey } from '../../../producers/identity/api-key.ts';

const detector = createDetector({ secrets: true, cards: true, patterns: [] });
const a = (length: number, characters = 'a1B2c3D4e5') => characters.repeat(length).slice(0, length);
const hex = (length: number) => a(length, '0a1b2c3d4e5f');
const begin = (kind: string) => `-----BEGIN ${kind}PRIVATE KEY-----`;
const end = (kind: string) => `-----END ${kind}PRIVATE KEY-----`;

const secrets: [string, string[]][] = [
  [
    'private-key',
    [`${begin('RSA ')}\nMIIE\n${end('RSA ')}`, `${begin('')}\\nMIIE\\n${end('')}`, `${begin('EC ')}\nMIIEcut off`],
  ],
  ['age-secret-key', [`AGE-SECRET-KEY-1${a(58, 'Q2W3E4')}`]],
  ['jwt', [`ey${'J'}${a(20)}.ey${'J'}${a(30)}.${a(43)}`, `ey${'J'}${a(20)}.${a(30)}.${a(16)}.${a(40)}.${a(22)}`]],
  ['aws-access-key', [`AKIA${a(16, 'Q2W3E4')}`, `ASIA${a(16, 'Q2W3E4')}`]],
  ['github-token', [`ghp_${a(36)}`, `ghs_${a(36)}`, `github_pat_${a(22)}_${a(59)}`]],
  ['gitlab-token', [`glpat-${a(20)}`, `glrt-${a(20)}`]],
  ['slack-token', [`xoxb-123456789012-${a(24)}`, `xapp-1-A012-${a(20)}`]],
  ['slack-webhook', [`hooks.slack.com/services/T000/B000/${a(24)}`]],
  ['stripe-key', [`sk_live_${a(24)}`, `rk_test_${a(24)}`, `whsec_${a(32)}`]],
  ['google-api-key', [`AIza${a(35)}`]],
  ['google-oauth-token', [`ya29.${a(60)}`, `GOCSPX-${a(28)}`]],
  ['azure-storage-key', [`AccountKey=${a(86)}==`]],
  ['npm-token', [`npm_${a(36)}`]],
  ['pypi-token', [`pypi-${a(150)}`]],
  ['hugging-face-token', [`hf_${a(34)}`]],
  ['ai-api-key', [`sk-${a(48)}`, `sk-ant-api03-${a(80)}`, `sk-proj-${a(48)}`]],
  ['sendgrid-key', [`SG.${a(22)}.${a(43)}`]],
  ['digitalocean-token', [`dop_v1_${hex(64)}`]],
  ['vault-token', [`hvs.${a(90)}`]],
  ['shopify-token', [`shpat_${hex(32)}`]],
  ['tidemark-key', [`tmk_${a(12)}_${a(49)}`, generateApiKey().key]],
  ['databricks-token', [`dapi${hex(32)}`]],
];

describe('well-known secrets', () => {
  test.each(secrets)('%s', (name, texts) => {
    for (const text of texts) {
      const mask = `[masked: ${name}]`;
      expect(detector.mask(text)).toEqual({ text: mask, names: [name] });
      if (name === 'private-key') continue;
      expect(detector.mask(`{"x":"${text}"}`)?.text).toBe(`{"x":"${mask}"}`);
      expect(detector.mask(`before ${text}, ${text} behind`)?.text).toBe(`before ${mask}, ${mask} behind`);
    }
  });

  test('are patterns that Node 20 knows, on which publishers run', () => {
    expect(SECRETS.filter(({ pattern }) => /\(\?[a-z-]+:/.test(pattern))).toEqual([]);
  });

  test('that have no form of their own, by what stands before them', () => {
    const key = a(40, 'wJalrXUtnFEMI/K7MDENG+');
    expect(detector.mask(`aws_secret_access_key = ${key}`)?.text).toBe(
      'aws_secret_access_key = [masked: aws-secret-key]',
    );
    expect(detector.mask(`{"SecretAccessKey":"${key}"}`)?.text).toBe('{"SecretAccessKey":"[masked: aws-secret-key]"}');
    expect(detector.mask('postgres://app:s3cret@db:5432/x')?.text).toBe(
      'postgres://app:[masked: url-password]@db:5432/x',
    );
    expect(detector.mask(`Authorization: Bearer ${a(30)}`)?.text).toBe('Authorization: Bearer [masked: bearer-token]');
    expect(detector.mask(`authorization: basic ${a(30)}==`)?.text).toBe('authorization: basic [masked: bearer-token]');
  });

  test('each kind is tried here', () => {
    const tried = [...secrets.map(([name]) => name), 'aws-secret-key', 'url-password', 'bearer-token'];
    expect(tried.sort()).toEqual(SECRETS.map(({ name }) => name).sort());
  });

  test('what only looks a little like one stays', () => {
    for (const text of [
      'AKIA is how they begin',
      'the bearer of bad news has gone away',
      'https://user@example.com/path:x@y',
      'risk-management-and-other-things-that-are-long-enough',
      hex(64),
      'BEGIN PRIVATE KEY',
      'key-----',
      'eyJ.eyJ.',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    ]) {
      expect(detector.mask(text)).toBeNull();
    }
  });
});

/** Numbers that the card schemes and payment providers publish for tests. */
const cards = [
  '4111111111111111',
  '4222222222222',
  '5555555555554444',
  '2223003122003222',
  '378282246310005',
  '36227206271667',
  '3566002020360505',
  '6011111111111117',
  '6200000000000005',
  '6759649826438453',
];

describe('card numbers', () => {
  test.each(cards)('%s, in one piece and in groups', card => {
    const groups = card.length === 15 ? [4, 6, 5] : card.length === 14 ? [4, 6, 4] : [4, 4, 4, 4];
    const starts = groups.map((_, n) => groups.slice(0, n).reduce((sum, length) => sum + length, 0));
    const parts = starts.map((start, n) => card.slice(start, start + (groups[n] ?? 0)));
    const forms = [card, ...(card.length === 13 ? [] : [' ', '-', '.', '\u00a0'].map(gap => parts.join(gap)))];
    for (const form of forms) {
      expect(detector.mask(`paid by ${form}, 12/29`)?.text).toBe('paid by [masked: card-number], 12/29');
    }
  });

  test('beside other numbers', () => {
    const text = 'on 2026-01-05 12:30 by 4111 1111 1111 1111 12 29 123';
    expect(detector.mask(text)?.text).toContain('[masked: card-number]');
    expect(detector.mask(text)?.text).not.toContain('1111 1111');
  });

  test('a wrong check digit, another issuer, another length or part of a word is none', () => {
    for (const text of [
      '4111111111111112',
      '1767600000000000',
      '41111111111111111',
      'id4111111111111111',
      '9999999999999995',
    ]) {
      expect(detector.mask(text)).toBeNull();
    }
  });

  test('no UUID is one', () => {
    const decimal = fc.stringMatching(/^\d{8}-\d{4}-[1-8]\d{3}-[89]\d{3}-\d{12}$/);
    fc.assert(
      fc.property(fc.oneof(decimal, fc.uuid()), id => detector.mask(id) === null),
      { numRuns: 2000 },
    );
  });
});

describe('any text', () => {
  test('that was masked has nothing more to mask', () => {
    const parts = fc.oneof(fc.string(), fc.constantFrom(...secrets.flatMap(([, texts]) => texts), ...cards));
    const texts = fc.array(parts, { maxLength: 5 }).map(list => list.join(' '));
    fc.assert(
      fc.property(texts, text => {
        const once = detector.mask(text);
        return once === null || detector.mask(once.text) === null;
      }),
    );
  });

  test('in which a pattern finds something passes the check that comes before', () => {
    const patterns = SECRETS.map(({ pattern }) => new RegExp(pattern));
    const samples = fc.constantFrom(
      ...secrets.flatMap(([, texts]) => texts),
      `Authorization: BASIC ${a(30)}`,
      `bEaReR ${a(30)}`,
      `Secret_Access_Key: ${a(40)}`,
      `SECRETACCESSKEY=${a(40)}`,
      'mysql://:pass@host',
    );
    const around = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom(' ', '"', '=', '.'));
    fc.assert(
      fc.property(around, samples, around, (before, sample, behind) => {
        const text = `${before}${sample}${behind}`;
        if (patterns.some(pattern => pattern.test(text))) expect(detector.mayHold(text)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('that passes the check does so by its bytes too, wherever they stand', () => {
    const digits = fc.stringMatching(/^4[0-9]{3}([ .\u00a0\u2010-\u2013-]?[0-9]{3,4}){2,4}$/);
    const samples = fc.oneof(digits, fc.constantFrom(...secrets.flatMap(([, texts]) => texts), 'mysql://:pass@host'));
    const around = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'é', '4', '-'));
    fc.assert(
      fc.property(around, samples, around, around, (before, sample, behind, other) => {
        const text = Buffer.from(before + sample + behind);
        const all = Buffer.concat([Buffer.from(other), text, Buffer.from(other)]);
        const start = Buffer.byteLength(other);
        if (detector.mayHold(text.toString('utf8')))
          expect(detector.mayHoldBytes?.(all, start, start + text.length)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('made to be slow takes no longer than its length', () => {
    const long = (text: string) => text.repeat(Math.ceil(262_144 / text.length)).slice(0, 262_144);
    const start = performance.now();
    for (const text of [
      ...SECRETS.flatMap(({ pieces }) => pieces).map(long),
      ...[
        '1',
        '1-',
        '4111 ',
        '4 1 1 1 ',
        'eyJ',
        'eyJ-',
        'eyJaaaaaaaa.',
        `${begin('')}`,
        '://a:',
        '://',
        'sk-',
        'bearer ',
        'secretaccesskey=',
        'basic 1',
        'xoxb-',
      ].map(long),
      `${begin('')}${long('A ')}`,
    ]) {
      detector.mask(text);
    }
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe("patterns of one's own", () => {
  const own = (pattern: string) => {
    const compiled = compilePattern('own', pattern);
    if (typeof compiled === 'string') throw new Error(compiled);
    return createDetector({ secrets: false, cards: false, patterns: [compiled] });
  };

  test('mask what they match, in short texts too', () => {
    expect(own('acme_[a-z0-9]{4}').mask('x acme_12ab, acme_34cd')?.text).toBe('x [masked: own], [masked: own]');
    expect(own('(?i)pin').mask('PIN')?.text).toBe('[masked: own]');
  });

  test('can not make a text many times as long', () => {
    expect(own('.').mask('x'.repeat(99))?.text).toBe('[masked: own]');
    expect(own('[xy]').mask('x '.repeat(200))?.text).toBe('[masked: own]');
  });

  test.each(['(?=a)b', '(a)\\1', '(', 'a*', '((a{100}){100})', '(a?){400}b'])('%s is not taken', pattern => {
    expect(compilePattern('own', pattern)).toMatch(/^a pattern (?:that|of)/);
  });

  test('that would take another engine for ever take no time', () => {
    const start = performance.now();
    expect(own('(a+)+$').mask(`${'a'.repeat(200_000)}b`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
