#!/usr/bin/env node
// `tidemark`: a file per command, wiring only. Exit codes: 0, nothing is wrong; 1, evidence does not prove; 2, could not be
// done or checked, and the message says what was found, what was expected and what to do.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addActions } from './commands/actions.ts';
import { addApiKeys } from './commands/api-keys.ts';
import { addCheckReceipt } from './commands/check-receipt.ts';
import { addDoctor } from './commands/doctor.ts';
import { addErase } from './commands/erase.ts';
import { addGate } from './commands/gate.ts';
import { addHold } from './commands/hold.ts';
import { addKeys } from './commands/keys.ts';
import { addOutbox } from './commands/outbox.ts';
import { addPolicy } from './commands/policy.ts';
import { addProve } from './commands/prove.ts';
import { addRead } from './commands/read.ts';
import { addRecord } from './commands/record.ts';
import { addRefused } from './commands/refused.ts';
import { addRetention } from './commands/retention.ts';
import { addRun } from './commands/run.ts';
import { addTail } from './commands/tail.ts';
import { addVerify } from './commands/verify.ts';
import { addWatch } from './commands/watch.ts';
import { endQuietlyOnClosedPipe, warn } from './output.ts';

const COULD_NOT = 2;

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return version;
}

function programOf(): Command {
  const program = new Command('tidemark')
    .description(
      'Reads and checks audit evidence, in a bucket or in a copy of it, trusting neither who runs it nor what wrote it.',
    )
    .version(versionOf(), '--version', 'which tidemark this is')
    .configureHelp({ helpWidth: 110 })
    // An option behind a command is that command's: erase and its approve both have --person.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(tidemark --help says more)')
    .addHelpText(
      'after',
      `
Where an archive is: s3://bucket/prefix, or the folder that holds its archive.json. For a bucket S3_ENDPOINT names a
server other than AWS; credentials and region are those of the AWS SDK (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION, …).

Exit codes: 0 nothing is wrong, 1 evidence was altered, is missing or does not prove, 2 could not be done or checked.`,
    );
  for (const add of [
    addActions,
    addVerify,
    addRead,
    addProve,
    addCheckReceipt,
    addErase,
    addHold,
    addKeys,
    addApiKeys,
    addPolicy,
    addRetention,
    addRecord,
    addRun,
    addWatch,
    addTail,
    addDoctor,
    addRefused,
    addOutbox,
    addGate,
  ])
    add(program);
  return program;
}

async function main(): Promise<void> {
  endQuietlyOnClosedPipe();
  try {
    await programOf().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : COULD_NOT;
      return;
    }
    warn(error instanceof Error ? error.message : String(error));
    process.exitCode = COULD_NOT;
  }
}

await main();
