// `npm run access`: the rules of least privilege for one installation, to be read and applied by whoever may: the commands of Kafka's
// own tool, then a policy a role for the buckets. It connects to nothing and changes nothing.

import { parseArgs } from 'node:util';
import { kafkaCommand, kafkaRules, ROLES } from './kafka.ts';
import { BUCKET_ROLES, bucketPolicy } from './s3.ts';

const defaults = {
  'raw-topic': 'audit.raw',
  'events-topic': 'audit.events',
  'changes-topic': 'audit.changes',
  'normalizer-group': 'tidemark-normalizer',
  'archiver-group': 'tidemark-archiver',
  bucket: 'audit',
  prefix: 'prod',
  'keys-bucket': 'audit-keys',
  service: 'User:service',
  normalizer: 'User:normalizer',
  archiver: 'User:archiver',
};

const HELP = `usage: npm run -s access -- [--bucket NAME] [--prefix FOLDER] [--service User:billing] …

Prints the least that each role needs: commands for Kafka's ACLs (--service, --normalizer and --archiver name the
principals), then policies for the buckets. Everything has a default:
${Object.entries(defaults)
  .map(([name, value]) => `  --${name.padEnd(16)} ${value}`)
  .join('\n')}`;

function main(): void {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value } as const]),
  );
  const values: Record<string, unknown> = parseArgs({
    options: { ...options, help: { type: 'boolean', short: 'h' } },
  }).values;
  if (values.help === true) return void process.stdout.write(`${HELP}\n`);
  const of = (name: keyof typeof defaults) => String(values[name]);
  const lines = ['# Kafka: what nobody is allowed here, nobody may (allow.everyone.if.no.acl.found=false)'];
  const rules = kafkaRules({
    rawTopic: of('raw-topic'),
    eventsTopic: of('events-topic'),
    changesTopic: of('changes-topic'),
    normalizerGroup: of('normalizer-group'),
    archiverGroup: of('archiver-group'),
  });
  for (const role of ROLES) {
    lines.push('', `# ${role}`);
    for (const rule of rules.filter(one => one.role === role)) lines.push(kafkaCommand(rule, of(role)));
  }
  const names = { bucket: of('bucket'), prefix: of('prefix').replace(/^\/+|\/+$/g, ''), keysBucket: of('keys-bucket') };
  for (const role of BUCKET_ROLES) {
    lines.push('', `# ${role}: policy for the buckets`, JSON.stringify(bucketPolicy(role, names), null, 2));
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}; see --help\n`);
  process.exit(1);
}
