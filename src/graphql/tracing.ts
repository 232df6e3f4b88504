import type { Plugin } from 'graphql-yoga';
import type { Tracer } from '../telemetry/tracing.ts';
import type { Context } from './context.ts';

/** Traces the execution of each operation as a part of its request. */
export function useTracing(tracer: Tracer): Plugin<Context> {
  return {
    onExecute({ executeFn, setExecuteFn, args }) {
      const { operation = '', field = '' } = args.contextValue.http.facts;
      const attributes = {
        'graphql.operation.name': operation ?? '',
        'graphql.field': field ?? '',
      };
      setExecuteFn((given) => tracer.span('execute', async () => executeFn(given), attributes));
    },
  };
}
