/** The schemas' door: texts, Avro types, registration. What needs the types alone imports `types.ts`. */
export {
  auditEventText,
  auditEventType,
  auditRecordText,
  auditRecordType,
  avroType,
  subjectFor,
  type TypedAvro,
} from './avro.ts';
export { type EventBytes, type EventRead, readEvent, shareEnrichment, writeEvent, writeRecord } from './codec.ts';
export { checkCompatibility, unknownTo } from './compatibility.ts';
export { DatumError, type DatumFlaw } from './datum-reader.ts';
export { DatumWriter, type Replacements } from './datum-writer.ts';
export { SchemaError, type SchemaErrorCode } from './error.ts';
export {
  checkCredentials,
  openRegistry,
  type Registry,
  type RegistrySettings,
  registrySettingsFrom,
} from './registry.ts';
export type * from './types.ts';
