// Evidence from outside: GitHub's own example deliveries, mapped as the gateway will, and published with the SDK.

import { createRequire } from 'node:module';
import { mapGitHubWebhook } from '../../producers/gateway/github/index.ts';
import { createAuditor } from '../../producers/sdk/index.ts';
import { registrySettingsFrom } from '../../schemas/index.ts';
import { heading, pair, plural, say } from './screen.ts';
import type { World } from './world.ts';

const KINDS = [
  'push',
  'pull_request_review',
  'deployment',
  'deployment_status',
  'workflow_run',
  'release',
  'member',
  'membership',
  'team',
  'organization',
  'repository',
  'branch_protection_rule',
];

export interface Published {
  readonly id: string;
  readonly action: string;
}

/** Publishes all examples of those kinds; each is safe in Kafka when this resolves. */
export async function publishDeliveries(world: World): Promise<Published[]> {
  heading('Webhooks', "GitHub's own example payloads, mapped to audit events and published with the SDK.");
  const audit = createAuditor({
    service: 'webhook-gateway',
    environment: 'demo',
    brokers: world.env.producers.KAFKA_BROKERS,
    registry: registrySettingsFrom(world.env.producers),
    topic: world.rawTopic,
  });
  const published: Published[] = [];
  try {
    for (const { name, examples } of exampleDeliveries()) {
      const events = examples.flatMap((payload, index) =>
        mapGitHubWebhook(name, payload, { deliveryId: `demo-${name}-${index}` }),
      );
      const ids = await Promise.all(events.map(event => audit.record(event)));
      published.push(...ids.map((id, index) => ({ id, action: events[index]?.action ?? '' })));
      pair(`${String(examples.length).padStart(3)} ${name}`, actionsOf(events.map(event => event.action)), 28);
    }
  } finally {
    await audit.close();
  }
  say();
  say(`${plural(published.length, 'event')} recorded: all in-sync replicas have them`);
  return published;
}

type Examples = { name: string; examples: unknown[] }[];

function exampleDeliveries(): Examples {
  const all: Examples = createRequire(import.meta.url)('@octokit/webhooks-examples');
  return KINDS.flatMap(kind => all.filter(({ name }) => name === kind));
}

function actionsOf(actions: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const action of actions) counts.set(action, (counts.get(action) ?? 0) + 1);
  return [...counts].map(([action, count]) => (count === 1 ? action : `${action} ×${count}`)).join(', ');
}
