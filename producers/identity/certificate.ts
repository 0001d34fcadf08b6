/**
 * Client certificates of mutual TLS. The TLS layer verifies the chain (a server with `requestCert` and `ca`); here is read
 * whom it names. Only a live connection is taken: a certificate alone is public, and a header with one is a claim.
 */
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { ActorKind } from '../../schemas/types.ts';
import { identifier, isIdentifier, shown } from './claims.ts';
import { IdentityError } from './error.ts';
import type { Checker, Presented } from './identity.ts';
import { parseSpiffeId, uriNames } from './spiffe.ts';

export interface CertificateOptions {
  /** Trust domains whose SPIFFE ids are accepted. */
  readonly trustDomains?: readonly string[] | undefined;
  /** Who a certificate without a SPIFFE id names, such as by its `subject`; undefined: nobody who is accepted. */
  readonly actorOf?: ((certificate: X509Certificate) => CertificateActor | undefined) | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

export interface CertificateActor {
  readonly kind: ActorKind;
  readonly id: string;
}

/** Throws IdentityError `invalid-options`. */
export function createCertificateChecker(options: CertificateOptions): Checker {
  const { trustDomains = [], actorOf, now = Date.now } = options;
  if (trustDomains.length === 0 && actorOf === undefined) {
    throw new IdentityError('invalid-options', 'trustDomains, actorOf: found neither, expected one of them');
  }
  return {
    accepts: presented => presented.kind === 'certificate',
    check: async presented => {
      const certificate = verifiedCertificate(presented, now());
      const { kind, id, subject } = whoIs(certificate, options);
      const issuer = oneLine(certificate.issuer);
      return {
        attribution: 'verified',
        actor: {
          kind,
          id: identifier(id, 'the name of the certificate'),
          roles: [],
          onBehalfOf: [],
          credential: {
            method: 'mtls',
            issuer: isIdentifier(issuer) ? issuer : undefined,
            subject: shown(subject),
            keyId: certificate.serialNumber,
            checkedAt: now() * 1000,
          },
        },
        attributes: {},
        expiresAt: Date.parse(certificate.validTo),
      };
    },
    close: () => {},
  };
}

/** The certificate of a connection on which its key was proven and its chain verified. */
function verifiedCertificate(presented: Presented, nowMs: number): X509Certificate {
  if (presented.kind !== 'certificate' || !(presented.socket instanceof TLSSocket)) {
    throw new IdentityError('unsupported', 'expected the TLS connection of a client');
  }
  const { socket } = presented;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new IdentityError('untrusted', 'the client showed no certificate');
  if (!socket.authorized) {
    throw new IdentityError(
      'untrusted',
      'the TLS layer did not verify the certificate: the server needs requestCert and ca',
    );
  }
  // Connections outlive certificates.
  if (nowMs >= Date.parse(certificate.validTo)) throw new IdentityError('expired', 'the certificate has expired');
  if (nowMs < Date.parse(certificate.validFrom)) {
    throw new IdentityError('not-yet-valid', 'the certificate does not hold yet');
  }
  if (certificate.ca) throw new IdentityError('untrusted', 'found the certificate of an authority, expected a client');
  return certificate;
}

function whoIs(certificate: X509Certificate, options: CertificateOptions): CertificateActor & { subject: string } {
  const { trustDomains = [], actorOf } = options;
  const uris = uriNames(certificate.subjectAltName);
  const isSpiffe = uris.some(uri => uri.toLowerCase().startsWith('spiffe:'));
  if (isSpiffe) {
    // X509-SVID, 2: exactly one URI. With two, who reads the first and who reads the last would see two workloads.
    const [uri = '', ...others] = uris;
    const found = others.length === 0 ? parseSpiffeId(uri) : undefined;
    if (found === undefined) throw new IdentityError('wrong-claim', 'expected one URI, the SPIFFE id of a workload');
    if (trustDomains.includes(found.trustDomain)) return { kind: 'machine', id: found.id, subject: found.id };
    throw new IdentityError('not-allowed', 'the trust domain is not among those accepted');
  }
  const actor = actorOf?.(certificate);
  if (actor === undefined) throw new IdentityError('not-allowed', 'the certificate names nobody who is accepted');
  return { ...actor, subject: oneLine(certificate.subject) };
}

/** Node writes a distinguished name with a line for each part. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').filter(Boolean).join(', ');
