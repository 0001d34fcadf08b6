import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { type ReceiptVerdict, verifyReceipt } from '../../auditor/prove/index.ts';
import { exactJson, printable } from '../../auditor/read/index.ts';
import { print } from '../output.ts';
import { keysHelp, policyHelp, wholeTrustFrom } from '../trust.ts';

type Options = { policy: string; normalizerKeys: string; json?: boolean };

const examples = `
Exit codes: 0 the receipt proves its event, 1 it does not (altered, or not by these keys), 2 it could not be checked.

Example:
  $ tidemark check-receipt event.tlog-proof --policy policy --normalizer-keys normalizer.vkey`;

export function addCheckReceipt(program: Command): void {
  program
    .command('check-receipt')
    .summary('check a receipt offline and show its event')
    .description('Checks a receipt and shows its event and what is proven of it. Needs no network.')
    .argument('<file>', 'the receipt')
    .requiredOption('--policy <file>', policyHelp)
    .requiredOption('--normalizer-keys <file>', keysHelp)
    .option('--json', 'one line of JSON: holds, statements, event')
    .addHelpText('after', examples)
    .action(check);
}

async function check(path: string, options: Options): Promise<void> {
  const trust = wholeTrustFrom(options);
  const verdict = verifyReceipt(readReceipt(path), trust);
  if (!verdict.holds) process.exitCode = 1;
  await print(options.json ? `${jsonOf(verdict)}\n` : textOf(path, verdict));
}

function readReceipt(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuditorError('not-found', `the receipt ${path} can't be read (${why}): give the file that prove wrote`, {
      cause,
    });
  }
}

function jsonOf(verdict: ReceiptVerdict): string {
  if (!verdict.holds) return exactJson({ holds: false, why: verdict.why });
  const { event, statements } = verdict;
  return exactJson({ holds: true, statements, ...('value' in event ? { event: event.value } : event) });
}

function textOf(path: string, verdict: ReceiptVerdict): string {
  if (!verdict.holds)
    return [
      `NOT PROVEN: ${path} does not hold: ${printable(verdict.why)}`,
      'It was altered, or it was made under other keys than the policy and the normalizer keys that were given.',
      '',
    ].join('\n');
  const { event, statements } = verdict;
  const shown =
    'value' in event
      ? printableJson(exactJson(event.value))
      : `it can't be shown, as its schema is not understood here: ${printable(event.problem)}`;
  return [
    `PROVEN: ${path}`,
    ...statements.map(statement => `  ✓ ${printable(statement)}`),
    '',
    'The event:',
    shown,
    '',
  ].join('\n');
}

/** The same digits and texts, over several lines; no control character reaches the terminal. */
function printableJson(line: string): string {
  let depth = 0;
  const parts = line.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^{}[\],:"]+/g) ?? [];
  const newline = () => `\n${'  '.repeat(depth)}`;
  return parts
    .map((part, i) => {
      if (part === '{' || part === '[') {
        depth++;
        return '}]'.includes(parts[i + 1] ?? ' ') ? part : part + newline();
      }
      if (part === '}' || part === ']') {
        depth--;
        return '{['.includes(parts[i - 1] ?? ' ') ? part : newline() + part;
      }
      if (part === ',') return part + newline();
      return part === ':' ? ': ' : printable(part);
    })
    .join('');
}
