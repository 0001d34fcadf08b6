// A service whose files may not grow beyond a size, with Kafka away: records until told to end, and says what became of each.
import { FakeTransport } from '../fake-transport.ts';
import { spoolingAuditor } from './spooling.ts';

const transport = new FakeTransport();
transport.opened = 'unsent';
const { auditor } = spoolingAuditor(process.argv[2] ?? '', { transport });
const event = (n: number) => ({
  action: 'account.close',
  target: { type: 'account', id: String(n) },
  attributes: { k: 'x'.repeat(9000) },
});
const outcomes: string[] = [];
for (let n = 0; n < 20; n += 2) {
  const both = await Promise.allSettled([auditor.record(event(n)), auditor.record(event(n + 1))]);
  outcomes.push(...both.map(one => (one.status === 'fulfilled' ? one.value : one.reason.code)));
}
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
process.kill(process.pid, 'SIGKILL');
