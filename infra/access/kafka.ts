// Who may do what on Kafka, and nothing else (least privilege). Three topics, two consumer groups, one family of transactional ids:
// a service only writes audit.raw, and nobody but the normalizer writes audit.events, whose order is the evidence.

/** Names of one installation; the defaults are those of the programs' settings. */
export interface KafkaNames {
  readonly rawTopic: string;
  readonly eventsTopic: string;
  readonly changesTopic: string;
  readonly normalizerGroup: string;
  readonly archiverGroup: string;
}

export const ROLES = ['service', 'normalizer', 'archiver'] as const;
export type KafkaRole = (typeof ROLES)[number];

/** As `kafka-acls.sh` names them. */
export type Operation = 'Create' | 'Describe' | 'DescribeConfigs' | 'Read' | 'Write';

export interface KafkaRule {
  readonly role: KafkaRole;
  readonly resource: 'topic' | 'group' | 'transactional-id';
  readonly name: string;
  /** Prefixed: all names that begin like this. */
  readonly pattern: 'literal' | 'prefixed';
  readonly operations: readonly Operation[];
}

export function kafkaRules(names: KafkaNames): KafkaRule[] {
  const on =
    (resource: KafkaRule['resource'], pattern: KafkaRule['pattern'] = 'literal') =>
    (role: KafkaRole, name: string, ...operations: Operation[]): KafkaRule => ({
      role,
      resource,
      name,
      pattern,
      operations,
    });
  const [topic, group, transactionalId] = [on('topic'), on('group'), on('transactional-id', 'prefixed')];
  return [
    topic('service', names.rawTopic, 'Describe', 'Write'),
    // Writes heartbeats, and events of its own, into the raw topic, where they are numbered with all others.
    topic('normalizer', names.rawTopic, 'Describe', 'DescribeConfigs', 'Read', 'Write'),
    topic('normalizer', names.eventsTopic, 'Describe', 'DescribeConfigs', 'Read', 'Write'),
    topic('normalizer', names.changesTopic, 'Create', 'Describe', 'Read', 'Write'),
    group('normalizer', names.normalizerGroup, 'Describe', 'Read'),
    transactionalId('normalizer', names.normalizerGroup, 'Describe', 'Write'),
    topic('archiver', names.eventsTopic, 'Describe', 'DescribeConfigs', 'Read'),
    group('archiver', names.archiverGroup, 'Describe', 'Read'),
  ];
}

/** The command that sets a rule for a principal, such as `User:billing`. */
export function kafkaCommand({ resource, name, pattern, operations }: KafkaRule, principal: string): string {
  const wanted = operations.map(operation => `--operation ${operation}`).join(' ');
  return `kafka-acls.sh --bootstrap-server "$KAFKA_BROKERS" --add --allow-principal ${principal} --${resource} ${name} --resource-pattern-type ${pattern} ${wanted}`;
}
