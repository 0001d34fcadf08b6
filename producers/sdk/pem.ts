/** A PEM as options and variables give it: the text itself, or a file that holds it. */
import { readFileSync } from 'node:fs';

/** Answers what is wrong, as `found …`, where it is neither. What was given in a wrong form may be a secret: it is not repeated. */
export function readPem(given: string): { readonly pem: string } | { readonly found: string } {
  // In an environment file a PEM's line ends are often written as \n.
  if (given.includes('-----BEGIN')) return { pem: given.replaceAll('\\n', '\n') };
  try {
    return { pem: readFileSync(given, 'utf8') };
  } catch {
    const shown = given.length <= 120 && !/\s/.test(given) ? ` ${given}` : ' of that name';
    return { found: `found no file${shown}` };
  }
}
