// What is written stays true: links and paths lead somewhere, and what is called a setting, a metric or an option is one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...below('docs').filter(path => path.endsWith('.md'))];
const sources = ['auditor', 'cli', 'consumers', 'core', 'infra', 'producers', 'schemas'].flatMap(below);
const source = sources.map(read).join('\n');
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;

describe.each(pages)('%s', page => {
  const text = read(page);

  test('links lead to files', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? '');
    const broken = links.filter(link => !/^https?:/.test(link) && !existsSync(join(root, dirname(page), link)));
    expect(broken).toEqual([]);
  });

  test('settings are read by a program', () => {
    const names = new Set(text.match(/\b(?:TIDEMARK|KAFKA|SCHEMA|S3)_[A-Z][A-Z_]*\b/g));
    expect([...names].filter(name => !source.includes(name))).toEqual([]);
  });

  test('scripts are those of package.json', () => {
    const names = [...text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map(([, name]) => name ?? '');
    expect(names.filter(name => scripts[name] === undefined)).toEqual([]);
  });

  test('options are those of the commands', () => {
    const lines = text.split('\n').filter(line => /npx tidemark|`--/.test(line));
    const options = lines.flatMap(line => line.match(/(?<=[\s`(])--[a-z][a-z-]+/g) ?? []);
    const known = (option: string) => source.includes(`'${option} `) || source.includes(`'${option}'`);
    const others = ['--import', '--ignore-scripts', '--help', '--project'];
    expect(options.filter(option => !others.includes(option) && !known(option))).toEqual([]);
  });
});

test('the metrics that operators are told of are all that there are', () => {
  const text = read('docs/operating.md');
  for (const program of ['normalizer', 'archiver']) {
    const path = `consumers/${program}/events.ts`;
    const made = [...read(path).matchAll(/\b(?:counter|gauge|histogram|name)\(\s*'([a-z_]+)'/g)].map(
      ([, name]) => name ?? '',
    );
    expect(made.length).toBeGreaterThan(0);
    expect(made.filter(name => !text.includes(`\`${name}\``))).toEqual([]);
  }
});

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && /\.(ts|js|md|avsc)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name).slice(root.length))
    .filter(path => !/node_modules|\/dist\//.test(path));
}
