/**
 * The CloudEvents of an HTTP request, as objects of the JSON format, in each of the three modes of its binding
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md): structured, batched, and binary, where the
 * context is in `ce-` headers and the body is the data.
 */
import type { IncomingHttpHeaders } from 'node:http';

export const STRUCTURED = 'application/cloudevents+json';
export const BATCHED = 'application/cloudevents-batch+json';

/** One event, or a list of them. */
export function readCloudEvents(headers: IncomingHttpHeaders, body: unknown): unknown {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === STRUCTURED || type === BATCHED) return body;
  const context = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') && typeof value === 'string' ? [[name.slice(3), decode(value)] as const] : [],
  );
  return { ...Object.fromEntries(context), datacontenttype: type, data: body };
}

/** Header values are percent-encoded where they are not printable ASCII. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
