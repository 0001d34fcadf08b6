/**
 * Service accounts of Kubernetes by their projected tokens, against the keys of the cluster's issuer. That proves who the
 * token was made for, and it holds to its end, also where the pod is gone; TokenReview (token-review.ts) asks the cluster.
 */
import { z } from 'zod';
import { attributesOf, identifier, parseClaims, shown } from './claims.ts';
import { IdentityError } from './error.ts';
import type { Checker } from './identity.ts';
import { createJwtChecker, type JwtOptions } from './jwt.ts';

export interface KubernetesOptions extends Omit<JwtOptions, 'type'>, ServiceAccountRules {}

export interface ServiceAccountRules {
  /** Name of the cluster, a part of the ids: namespaces of two clusters are not the same. */
  readonly cluster: string;
  /** Namespaces whose service accounts are accepted; default all. */
  readonly namespaces?: readonly string[] | undefined;
}

interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

const named = z.looseObject({ name: z.string() }).optional();
const bound = z.looseObject({
  'kubernetes.io': z.looseObject({
    namespace: z.string(),
    serviceaccount: z.looseObject({ name: z.string() }),
    pod: named,
    node: named,
  }),
});
/** DNS labels, as Kubernetes names them; a service account's name may have dots. */
const SUBJECT =
  /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/;

/** Throws IdentityError `invalid-options`. */
export function createKubernetesChecker(options: KubernetesOptions): Checker {
  checkServiceAccountRules(options);
  return createJwtChecker(options, ({ claims, issuer, subject, keyId, checkedAt, expiresAt }) => {
    const account = serviceAccount(subject, options);
    const { 'kubernetes.io': place } = parseClaims(bound, claims, 'a projected token of a service account');
    if (account === undefined || place.namespace !== account.namespace || place.serviceaccount.name !== account.name) {
      throw new IdentityError('wrong-claim', 'sub: expected the service account that kubernetes.io names');
    }
    return {
      attribution: 'verified',
      actor: {
        kind: 'machine',
        id: serviceAccountId(account, options),
        roles: [],
        onBehalfOf: [],
        credential: { method: 'kubernetes', issuer, subject: shown(subject), keyId, checkedAt },
      },
      attributes: placeAttributes(options.cluster, account.namespace, place.pod?.name, place.node?.name),
      expiresAt,
    };
  });
}

export function checkServiceAccountRules({ cluster }: ServiceAccountRules): void {
  if (/^[\w.-]{1,128}$/.test(cluster)) return;
  throw new IdentityError('invalid-options', 'cluster: expected a name of letters, digits, ".", "_" and "-"');
}

/** The service account of a subject; undefined: it is none. Throws `not-allowed`. */
export function serviceAccount(subject: string, { namespaces }: ServiceAccountRules): ServiceAccount | undefined {
  const [, namespace, name] = SUBJECT.exec(subject) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  if (namespaces === undefined || namespaces.includes(namespace)) return { namespace, name };
  throw new IdentityError('not-allowed', 'the namespace is not among those accepted');
}

export function serviceAccountId({ namespace, name }: ServiceAccount, { cluster }: ServiceAccountRules): string {
  return identifier(`kubernetes:${cluster}/${namespace}/${name}`, 'sub');
}

/** In OpenTelemetry's words. */
export function placeAttributes(
  cluster: string,
  namespace: string,
  pod: unknown,
  node: unknown,
): Record<string, string> {
  return attributesOf({
    'k8s.cluster.name': cluster,
    'k8s.namespace.name': namespace,
    'k8s.pod.name': pod,
    'k8s.node.name': node,
  });
}
