/** The SDK's door: record what a service does as audit events. See README.md. */
import type { Declarations } from '../../core/catalogue/index.ts';
import { auditEventText } from '../../schemas/index.ts';
import type { Actions, DeclaredInput } from './actions.ts';
import { type Auditor, auditorOver } from './auditor.ts';
import { ConsoleTransport } from './console-transport.ts';
import { HttpTransport } from './http/http-transport.ts';
import { KafkaTransport } from './kafka-transport.ts';
import { type AuditorOptions, resolveOptions, type Way } from './options.ts';
import { SpoolDelivery } from './spool/spool-delivery.ts';
import type { Transport } from './transport.ts';

export type { ActionDeclaration, Criticality, Declarations } from '../../core/catalogue/index.ts';
export type { EventProblem } from '../../core/event/index.ts';
export type { RegistrySettings } from '../../schemas/index.ts';
export type { AuditEvent } from '../../schemas/types.ts';
export { type Actions, actionsFrom, type DeclaredInput, defineActions } from './actions.ts';
export { type AroundOptions, Denied, type Via } from './around.ts';
export type { Auditor, AuditorStats } from './auditor.ts';
export type { ChangeOptions } from './change.ts';
export { type ConfigurationOptions, recordConfiguration } from './configuration/record-configuration.ts';
export type { ConfigurationStore } from './configuration/store.ts';
export { AuditError, type AuditErrorCode } from './error.ts';
export type * from './input.ts';
export type { MaskOptions } from './masking.ts';
export type { AuditorOptions, LogLevel } from './options.ts';
export type { OriginOptions } from './origin.ts';
export type { AuditScope } from './scope.ts';
export type { SecretField } from './secret-fields.ts';
export type { SpoolOptions } from './spool/options.ts';

/**
 * Makes an auditor. Nothing is connected before the first event. One for each process is enough; close it at the end.
 * Throws AuditError with code invalid-options.
 */
export function createAuditor<A extends Declarations>(
  options: AuditorOptions & { readonly actions: Actions<A> },
): Auditor<DeclaredInput<A>>;
export function createAuditor(options?: AuditorOptions): Auditor;
export function createAuditor(options: AuditorOptions = {}): Auditor {
  const { auditor, transport, spool } = resolveOptions(options, process.env);
  const way = openTransport(transport);
  if (spool === null) return auditorOver(way, auditor);
  return auditorOver(way, auditor, new SpoolDelivery(way, auditor, spool, auditEventText));
}

function openTransport(way: Way): Transport {
  switch (way.kind) {
    case 'kafka':
      return new KafkaTransport(way);
    case 'gateway':
      return new HttpTransport(way);
    case 'console':
      return new ConsoleTransport();
  }
}
