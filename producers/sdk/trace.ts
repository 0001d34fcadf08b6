/**
 * The active span of OpenTelemetry, where the service has its API installed. It is an optional peer: looked for at the
 * first event, and never missed.
 */
import { createRequire } from 'node:module';
import type { trace } from '@opentelemetry/api';

let api: { readonly trace: typeof trace } | null | undefined;

/** The active span as a W3C `traceparent`; undefined where there is none. */
export function activeTraceParent(): string | undefined {
  if (api === undefined) api = loadApi();
  const span = api?.trace.getActiveSpan()?.spanContext();
  if (span === undefined || !isValid(span.traceId, span.spanId)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 1) === 1 ? '01' : '00'}`;
}

/** All zeros are the invalid ids of the specification: a tracer that is not set up gives these. */
function isValid(traceId: string, spanId: string): boolean {
  return /^(?!0{32})[0-9a-f]{32}$/.test(traceId) && /^(?!0{16})[0-9a-f]{16}$/.test(spanId);
}

function loadApi(): typeof api {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api');
  } catch {
    return null;
  }
}
