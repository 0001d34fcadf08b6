// A process that wants a spool's directory: says whether it has it, and keeps it until it is killed.
import { tryLock } from '../../../../producers/sdk/spool/lock.ts';

const lock = await tryLock(process.argv[2] ?? '');
process.stdout.write(lock === null ? 'none\n' : 'has\n');
if (lock !== null) setInterval(() => undefined, 1_000_000);
