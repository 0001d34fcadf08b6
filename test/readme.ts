// The snippets of README's "Add it to your service": what a reader copies is what is run.

import { readFileSync } from 'node:fs';

export interface Snippet {
  /** Of the part that it stands in; of the section itself before the first part. */
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

const SECTION = 'Add it to your service';

/** In their order. Throws where a snippet stands there that is no fenced one with a language. */
export function readmeSnippets(): Snippet[] {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const section = page.split(/^## /m).find(part => part.startsWith(`${SECTION}\n`));
  if (section === undefined) throw new Error(`README.md has no section "${SECTION}"`);
  return section.split(/^### /m).flatMap(part => {
    const [heading = '', ...lines] = part.split('\n');
    const body = lines.join('\n');
    const snippets = [...body.matchAll(/^```([a-z]+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => {
      return { heading, language, text };
    });
    const rest = body.replace(/^```[a-z]+\n[\s\S]*?^```$/gm, '');
    if (/^```|^ {4}\S/m.test(rest)) throw new Error(`README.md, ${heading}: a snippet that says no language`);
    return snippets;
  });
}

/** The only one of a part in a language. */
export function readmeSnippet(heading: string, language: string): Snippet {
  const found = readmeSnippets().filter(one => one.heading === heading && one.language === language);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`README.md, ${heading}: found ${found.length} snippets in ${language}, expected one`);
  return only;
}
