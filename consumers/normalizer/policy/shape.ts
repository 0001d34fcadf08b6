// The parts of an event that hold what its producer says, from the schema itself: a field that a later version adds is walked without
// anybody having to think of it.

import type avro from 'avsc';
import { auditEventType } from '../../../schemas/index.ts';

/** A type of the schema, as far as policies care. A union counts as what it may be beside null and Sealed. */
export type Shape =
  | { readonly kind: 'text' }
  | { readonly kind: 'other' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'record'; readonly name: string; readonly fields: ReadonlyMap<string, Shape> };

/** Of AuditEvent. */
export const EVENT_SHAPE: Shape & { kind: 'record' } = eventShape();

// avsc's own declarations leave most of it out.
interface AnyType extends avro.Type {
  readonly fields?: readonly { readonly name: string; readonly type: AnyType }[];
  readonly itemsType?: AnyType;
  readonly types?: readonly AnyType[];
  readonly underlyingType?: AnyType;
}

function eventShape(): Shape & { kind: 'record' } {
  const shape = shapeOf(auditEventType().avro);
  if (shape.kind !== 'record') throw new TypeError(`found a schema of kind ${shape.kind}, expected a record`);
  return shape;
}

function shapeOf(type: AnyType): Shape {
  const { typeName, fields, itemsType, types, name = '' } = type.underlyingType ?? type;
  if (typeName === 'string') return { kind: 'text' };
  if (itemsType) return { kind: 'list', item: shapeOf(itemsType) };
  if (types) {
    const branches = types.filter(branch => branch.typeName !== 'null' && !branch.name?.endsWith('.Sealed'));
    const [only] = branches;
    if (only === undefined || branches.length > 1) throw new TypeError('found a union of several types, expected one');
    return shapeOf(only);
  }
  if (!fields) return { kind: 'other' };
  return { kind: 'record', name, fields: new Map(fields.map(field => [field.name, shapeOf(field.type)])) };
}
