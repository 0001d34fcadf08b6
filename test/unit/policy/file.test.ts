// What is wrong with a policy file: all of it, each with its line.

import { describe, expect, test } from 'vitest';
import { PolicyError, parsePolicyFile } from '../../../consumers/normalizer/policy/index.ts';

function problemsOf(text: string): string[] {
  try {
    parsePolicyFile(text, 'p');
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return error.message.split('\n');
  }
}

test.each<[string, string, RegExp[]]>([
  ['nothing', '', [/^p: found null, expected a policy: /]],
  ['a list', '- a\n', [/^p:1: found a list, expected a policy: /]],
  ['no version', 'rules: []\n', [/^p:1: version: found nothing, expected 1$/]],
  ['YAML that is none', 'version: [1\nb: 2\n', [/^p:2: found .*, expected YAML$/]],
  ['a key twice', 'version: 1\nrules: []\nrules: []\n', [/^p:3: found Map keys must be unique, expected YAML$/]],
  ['two documents', 'version: 1\n---\nversion: 1\n', [/^p:2: found .*, expected YAML$/]],
  ['aliases that multiply', `version: 1\nrules: [&a [x], &b [${'*a,'.repeat(20)}], [${'*b,'.repeat(20)}]]\n`, [/^p/]],
  [
    'keys that mean nothing',
    'version: 1\nmask:\n  card: true\nrule: []\n',
    [/^p:3: mask: found the key "card", which/, /^p:4: found the key "rule", which/],
  ],
  [
    'rules without a name, without actions, with wrong words',
    'version: 1\nrules:\n  - actions: [a.b]\n  - name: x\n    actions: []\n    outcome: deny\n    identity: some\n',
    [
      /^p:3: rules\[0\]\.name: found nothing, expected a name/,
      /^p:5: rules\[1\]\.actions: found an empty list, expected at least one/,
      /^p:7: rules\[1\]\.identity: found "some", expected verified, asserted or anonymous$/,
      /^p:6: rules\[1\]\.outcome: found "deny", expected accept, flag or refuse$/,
    ],
  ],
  [
    'two rules of one name',
    'version: 1\nrules:\n  - { name: a, actions: [a.b] }\n  - { name: a, actions: [a.c] }\n',
    [/^p:4: rules\[1\]\.name: found "a", expected a name that no other rule has$/],
  ],
  [
    'paths that lead nowhere',
    'version: 1\nrules:\n  - name: a\n    actions: [a.b]\n    require:\n      - actor.mail\n      - targets.name\n      - reason[]\n      - actor.roles[x]\n      - "a b"\n      - reason.\n',
    [
      /^p:6: .*the field mail, which is not there$/,
      /^p:7: .*the list targets without \[\] behind it$/,
      /^p:8: .*reason, which is no list/,
      /^p:9: .*roles\[x\], whose elements have no names/,
      /^p:10: .*what is no path$/,
      /^p:11: .*what is no path$/,
    ],
  ],
  [
    'masks of what events are found by',
    'version: 1\nrules:\n  - name: a\n    actions: [a.b]\n    mask: { fields: [id, "targets[].id", actor.id, producer.instance, targets] }\n',
    [...Array<RegExp>(4).fill(/, expected a field that events are not found by$/), /expected the path of a text$/],
  ],
  [
    'patterns that RE2 does not take',
    "version: 1\nmask:\n  patterns:\n    - { name: a, pattern: '(?=x)' }\n    - { name: b, pattern: 'x*' }\n",
    [/^p:4: mask\.patterns\[0\]\.pattern: found "\(\?=x\)", /, /^p:5: .*that matches the empty text$/],
  ],
  [
    'otherwise without a demand',
    'version: 1\nrules:\n  - name: a\n    actions: [a.b]\n    otherwise: flag\n',
    [/^p:5: rules\[0\]\.otherwise: found "flag", expected it only beside/],
  ],
])('%s', (_what, text, expected) => {
  const problems = problemsOf(text);
  expect(problems).toHaveLength(expected.length);
  for (const [at, pattern] of expected.entries()) expect(problems[at]).toMatch(pattern);
});

describe('a valid file', () => {
  test('may have comments, anchors and a byte order mark', () => {
    const text =
      '\ufeff# ours\nversion: 1\nrules:\n  - { name: a, actions: &all ["*"], outcome: flag }\n  - { name: b, actions: *all }\n';
    expect(problemsOf(text)).toEqual([]);
  });

  test('has the digest of its text', () => {
    const text = 'version: 1\n';
    expect(parsePolicyFile(text).digest).not.toBe(parsePolicyFile(`${text}# a comment\n`).digest);
  });
});
