import { fieldsOf, type ContainerField } from './fields.js';
import type { Isolator, IsolatorName } from './types.js';

/** Stands in for an isolator that this machine cannot have: a task that needs it is refused with the reason. */
export function unavailable(name: IsolatorName, handles: readonly ContainerField[], reason: string): Isolator {
  return {
    name,
    handles,
    prepare(spec) {
      const field = fieldsOf(spec.container).find((wish) => handles.includes(wish));
      if (field !== undefined) throw new Error(`container.${field} is not available on this agent: ${reason}`);
      return {};
    },
  };
}
