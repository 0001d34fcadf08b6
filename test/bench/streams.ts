// Kafka Streams, from Maven Central, in the version of the local broker.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchOnce, type Package, runClient } from '../../infra/local/fetch/once.ts';
import { kafkaPackage } from '../../infra/local/fetch/packages.ts';
import { javaCommand, requireTools } from '../../infra/local/fetch/tools.ts';
import { type Program, type ProgramOptions, startCommand } from './program.ts';

export const streamsVersion = kafkaPackage.name.replace(/^kafka-/, '');

const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-streams</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams</artifactId><version>${streamsVersion}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

const streamsPackage: Package = {
  name: `kafka-streams-${streamsVersion}`,
  title: `Kafka Streams ${streamsVersion}`,
  client: 'maven',
  fill: async folder => {
    await writeFile(join(folder, 'pom.xml'), pom);
    const libs = `-DoutputDirectory=${join(folder, 'libs')}`;
    await runClient('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', libs], folder);
  },
};

/** Starts Copy.java from one topic to another. */
export async function startStreams(from: string, to: string, options: ProgramOptions): Promise<Program> {
  requireTools(['java', 'maven']);
  const libs = join(await fetchOnce(streamsPackage, line => void process.stderr.write(`${line}\n`)), 'libs', '*');
  const source = fileURLToPath(new URL('Copy.java', import.meta.url));
  const flags = ['-Xms256m', '-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', libs];
  const args = [process.env.KAFKA_BROKERS ?? '', from, to, join(options.folder, 'streams-state')];
  return startCommand(javaCommand(), [...flags, source, ...args], options);
}
