/**
 * The log records of an `ExportLogsServiceRequest` of OTLP/HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request). Fields that
 * are unknown are ignored, as the protocol wants it.
 */
import { at, idAt, invalid, isObject } from '../payload.ts';
import { type Attributes, readAttributes } from './value.ts';

/** A record that was not looked at yet, and whose it is. */
export interface LogItem {
  readonly resource: Attributes;
  /** The name of its logger. */
  readonly scope: string | undefined;
  readonly record: unknown;
}

/** Throws AuditError `invalid-event` where the request is none. */
export function readLogItems(body: unknown): LogItem[] {
  if (!isObject(body)) throw invalid('the body', 'no object', 'an object with resourceLogs');
  return list(body, 'resourceLogs').flatMap(logs => {
    const resource = readAttributes(at(logs, 'resource.attributes'), 'resource.attributes');
    return list(logs, 'scopeLogs').flatMap(ofScope => {
      const scope = idAt(ofScope, 'scope.name');
      return list(ofScope, 'logRecords').map(record => ({ resource, scope, record }));
    });
  });
}

function list(of: unknown, name: string): readonly unknown[] {
  if (!isObject(of)) throw invalid(name, 'no object around it', 'an object');
  const value = of[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(name, 'no list', 'a list');
  return value;
}
