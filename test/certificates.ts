// A certificate authority of a test's own and a broker's certificate by it, made with the keytool of the Java that the broker runs on.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { javaCommand } from '../infra/local/fetch/tools.ts';

const run = promisify(execFile);

export interface BrokerCertificate {
  /** PKCS12 file of the key, the certificate and its authority's. */
  readonly keystore: string;
  readonly password: string;
  /** PEM file of the authority. */
  readonly caFile: string;
  readonly ca: string;
}

/** For 127.0.0.1 and localhost, valid for a day. */
export async function makeBrokerCertificate(folder: string): Promise<BrokerCertificate> {
  const keystore = join(folder, 'broker.p12');
  const caFile = join(folder, 'ca.pem');
  const password = 'keystore-password';
  const keytool = javaCommand() === 'java' ? 'keytool' : join(dirname(javaCommand()), 'keytool');
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', password];
  const fast = ['-J-XX:TieredStopAtLevel=1', '-J-XX:+UseSerialGC'];
  const generate = (alias: string, name: string, more: string[]) => {
    const key = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '1'];
    return run(keytool, ['-genkeypair', '-alias', alias, '-dname', `CN=${name}`, ...key, ...more, ...store, ...fast]);
  };
  await generate('ca', 'test authority', ['-ext', 'bc:c']);
  await generate('broker', 'broker', ['-signer', 'ca', '-ext', 'san=ip:127.0.0.1,dns:localhost']);
  await run(keytool, ['-exportcert', '-rfc', '-alias', 'ca', '-file', caFile, ...store, ...fast]);
  // What is left is the broker's key alone, so that the broker has no choice.
  await run(keytool, ['-delete', '-alias', 'ca', ...store, ...fast]);
  return { keystore, password, caFile, ca: await readFile(caFile, 'utf8') };
}
