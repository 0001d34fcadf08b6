// A service with a spool: records without a pause until SIGTERM, or nothing where told so, and says on a line each what was
// acknowledged. Told to record nothing, it ends when its spool is empty.
import { setTimeout as delay } from 'node:timers/promises';
import { createAuditor } from '../../producers/sdk/index.ts';

const directory = process.env.SPOOL ?? '';
const audit = createAuditor({
  service: 'spooling',
  spool: { directory },
  onError: error => say({ error: error.message }),
});
let isStopped = process.env.RECORD === 'nothing';
process.once('SIGTERM', () => {
  isStopped = true;
});

/** In the pipe before the call returns, so that SIGKILL takes nothing back. */
function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

say({ instance: audit.instance });
for (let n = 0; !isStopped; n++) {
  const batch = Array.from({ length: 10 }, (_, index) =>
    audit.record({ action: 'order.create', target: { type: 'order', id: `${n % 7}-${index}` } }),
  );
  const acknowledged = await Promise.all(batch);
  say({ acknowledged, delivered: audit.stats().delivered });
  await delay(20);
}
if (process.env.RECORD === 'nothing') await audit.flush();
await audit.close();
