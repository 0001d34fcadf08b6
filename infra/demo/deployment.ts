// The shop's deployment, as its pipeline tells of it: what the shop does from then on is marked by it.

import { createAuditor } from '../../producers/sdk/index.ts';
import { heading, pair } from './screen.ts';
import type { World } from './world.ts';

export const DEPLOYED = '4.2.0';

export async function deployShop(world: World): Promise<void> {
  heading('A deployment', 'A pipeline puts a version of the shop into force, and says so before anybody calls it.');
  const audit = createAuditor({
    service: 'pipeline',
    environment: 'demo',
    brokers: world.env.producers.KAFKA_BROKERS,
    registry: world.env.producers.SCHEMA_REGISTRY_URL,
    topic: world.rawTopic,
  });
  try {
    await audit.record({
      action: 'deployment.finish',
      actor: { kind: 'machine', id: 'pipeline/orders' },
      target: { type: 'service', id: 'orders' },
      change: { perimeter: 'deployment', reference: 'CHG-1041', run: 'run-88' },
      attributes: { version: DEPLOYED },
    });
  } finally {
    await audit.close();
  }
  pair('pipeline', `deployment.finish, service orders ${DEPLOYED}, run-88, ticket CHG-1041`);
}
