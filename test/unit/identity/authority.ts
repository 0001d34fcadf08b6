// Certificates of a test's own, and TLS connections on which clients show them.

import 'reflect-metadata';
import { connect, createServer, type TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { onTestFinished } from 'vitest';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWish {
  readonly subject?: string;
  readonly names?: x509.JsonGeneralNames;
  readonly ca?: boolean;
  readonly validFrom?: number;
  readonly validTo?: number;
}

export interface Authority {
  readonly cert: string;
  issue(wish: CertificateWish): Promise<Certificate>;
}

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    notBefore: new Date(Date.now() - HOUR),
    notAfter: new Date(Date.now() + HOUR),
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: root.toString('pem'),
    issue: async ({ subject = 'CN=client', names = [], ca = false, validFrom, validTo }) => {
      const own = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        subject,
        issuer: root.subject,
        notBefore: new Date(validFrom ?? Date.now() - HOUR),
        notAfter: new Date(validTo ?? Date.now() + HOUR),
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(ca),
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        ],
      });
      const pkcs8 = await crypto.subtle.exportKey('pkcs8', own.privateKey);
      return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
    },
  };
}

export interface ServerWish {
  readonly requestCert?: boolean;
  /** Refuse clients at once; default false, so that the checker is what is tested. */
  readonly rejectUnauthorized?: boolean;
}

/** The server's side of a connection on which a client showed a certificate, or none. */
export async function connectionOf(
  authority: Authority,
  client: Certificate | undefined,
  { requestCert = true, rejectUnauthorized = false }: ServerWish = {},
): Promise<TLSSocket> {
  const own = await authority.issue({ names: [{ type: 'dns', value: 'localhost' }] });
  const server = createServer({ ...own, ca: authority.cert, requestCert, rejectUnauthorized });
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    server.once('secureConnection', resolve).once('tlsClientError', reject);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = connect({ ...client, port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert });
  socket.on('error', () => {});
  onTestFinished(async () => {
    socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
  const connection = await accepted;
  onTestFinished(() => void connection.destroy());
  return connection;
}
