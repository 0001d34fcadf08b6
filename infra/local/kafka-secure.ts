// A second listener of the local broker that is secured as production's are: TLS with a certificate of its own, and SASL.
// The plain listener stays: the broker and its health check speak to it.

export type KafkaSecurity = {
  /** PKCS12 file with the broker's key and certificate. */
  keystore: string;
  keystorePassword: string;
  /** Users and their passwords, letters and digits only; each may use PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  users: Record<string, string>;
  /** Whoever comes by the secured listener may do nothing but what ACLs allow; who comes by the plain one may do all. */
  acls?: boolean;
};

const SCRAMS = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];

/** Broker properties for it, beside those of a plain broker. */
export function secureProperties(
  { keystore, keystorePassword, users, acls }: KafkaSecurity,
  ports: { plain: number; controller: number; secure: number },
): Record<string, string> {
  const plain = `PLAINTEXT://127.0.0.1:${ports.plain}`;
  const secure = `SECURE://127.0.0.1:${ports.secure}`;
  const listener = 'listener.name.secure';
  const passwords = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    listeners: `${plain},CONTROLLER://127.0.0.1:${ports.controller},${secure}`,
    'advertised.listeners': `${plain},${secure}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    [`${listener}.ssl.keystore.type`]: 'PKCS12',
    [`${listener}.ssl.keystore.location`]: keystore,
    [`${listener}.ssl.keystore.password`]: keystorePassword,
    [`${listener}.ssl.key.password`]: keystorePassword,
    [`${listener}.sasl.enabled.mechanisms`]: ['PLAIN', ...SCRAMS].join(','),
    [`${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords.join(' ')};`,
    ...Object.fromEntries(SCRAMS.map(name => [`${listener}.${name.toLowerCase()}.sasl.jaas.config`, scram])),
    ...(acls && {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'allow.everyone.if.no.acl.found': 'false',
    }),
  };
}

/** What the storage has to be formatted with, since SCRAM's passwords live in the cluster's own log. */
export function scramArguments({ users }: KafkaSecurity): string[] {
  const pairs = Object.entries(users);
  return SCRAMS.flatMap(mechanism =>
    pairs.map(([name, password]) => `--add-scram=${mechanism}=[name=${name},password=${password}]`),
  );
}
