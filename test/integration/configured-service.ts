// A service that records its configuration at its start, and then one order; told to, it is killed where the configuration is acknowledged
// and its store does not know yet. Says on a line each what was acknowledged.
import { fileStore } from '../../producers/sdk/configuration/store.ts';
import { createAuditor, recordConfiguration } from '../../producers/sdk/index.ts';

const file = fileStore(process.env.STORE ?? '');
let writes = 0;
const killedBehindRecord = {
  read: file.read,
  write: async (text: string) => {
    // The first write notes what is to be recorded.
    if (++writes === 2) process.kill(process.pid, 'SIGKILL');
    await file.write(text);
  },
};

const audit = createAuditor({ service: 'billing', version: '4.2.0', environment: 'production' });
const store = process.env.KILLED === 'yes' ? killedBehindRecord : (process.env.STORE ?? '');
const id = await recordConfiguration(audit, JSON.parse(process.env.VALUES ?? ''), { store, clear: ['db.*'] });
const order = await audit.record({ action: 'order.create', target: { type: 'order', id: '1' } });
process.stdout.write(`${JSON.stringify({ id, order })}\n`);
await audit.close();
