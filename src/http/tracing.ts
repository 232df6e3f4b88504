import type { Tracer } from '../telemetry/tracing.ts';
import type { Around } from './server.ts';

/** Runs each request in a trace, continuing the caller's if there is one, and logs the trace id. */
export function traceRequests(tracer: Tracer): Around {
  return (request, answer) => {
    const { method, path, headers, facts } = request;
    // span names must not contain what clients make up
    const name = `${/^[A-Z]{1,10}$/.test(method) ? method : 'HTTP'} request`;
    return tracer.request(name, headers.traceparent, async (traceId, describe) => {
      facts.traceId = traceId;
      const response = await answer();
      describe({
        'http.request.method': method,
        'url.path': path.slice(0, 200),
        'http.response.status_code': response.status,
        'latchkey.request_id': request.requestId,
      });
      return response;
    });
  };
}
