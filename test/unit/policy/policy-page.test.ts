// What docs/policy.md shows is so: its policies are valid, their examples pass, and its commands print what it says.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parsePolicyFile, runExamples } from '../../../consumers/normalizer/policy/index.ts';
import { SECRETS } from '../../../core/masking/secrets.ts';
import { tidemark } from '../cli/command.ts';

const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
const cwd = mkdtempSync(join(tmpdir(), 'tidemark-policy-'));
afterAll(() => rmSync(cwd, { recursive: true }));

/** Fenced blocks of a language, without the indentation of a list that they stand in. */
function blocks(language: string): string[] {
  const found = page.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'));
  return [...found].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

const policies = blocks('yaml');
const [policy = ''] = policies;

describe('docs/policy.md', () => {
  test.each(policies)('its policy %# is valid and does what its examples say', text => {
    const results = runExamples(parsePolicyFile(text));
    expect(results.length).toBeGreaterThan(0);
    expect(results.flatMap(({ name, problems }) => problems.map(problem => `${name}: ${problem}`))).toEqual([]);
  });

  const transcript = blocks('console')
    .join('')
    .split(/^\$ npx tidemark /m)
    .slice(1);
  test.each(transcript)('its command %s', async step => {
    writeFileSync(join(cwd, 'policy.yaml'), policy);
    writeFileSync(join(cwd, 'new.yaml'), policy.replace('otherwise: flag', 'otherwise: refuse'));
    writeFileSync(join(cwd, 'events.jsonl'), blocks('json').join(''));
    const [command = '', ...lines] = step.trimEnd().split('\n');
    const { stdout } = await tidemark(command.split(' '), { cwd });
    expect(stdout.split('\n').slice(0, lines.length)).toEqual(lines);
  });

  test('names whose secrets are masked', () => {
    const forms = ['private-key', 'age-secret-key', 'jwt', 'url-password', 'bearer-token', 'ai-api-key'];
    const issuers = SECRETS.map(({ name }) => name).filter(name => !forms.includes(name));
    const words = issuers.map(name =>
      name.replace(/-(?:access|secret|api|oauth|storage)?-?(?:key|token|webhook)$/, ''),
    );
    const flat = page.toLowerCase().replaceAll(' ', '-');
    expect(words.filter(word => !flat.includes(word))).toEqual([]);
  });
});
