import type { StoreChange } from '@proffer/sdk/service';
import type { AgentRecord, FrameworkRecord, RegistryOperation, RegistryState } from '../core/types.js';

const AGENT = 'agent/';
const FRAMEWORK = 'framework/';
const WEIGHT = 'weight/';

/** The prefixes under which records lie in the store. */
export const RECORD_PREFIXES: readonly string[] = [AGENT, FRAMEWORK, WEIGHT];

/** What the registry holds: exactly what applying its operations, one after the other, gives. */
export class Records {
  readonly #agents = new Map<string, AgentRecord>();
  readonly #frameworks = new Map<string, FrameworkRecord>();
  readonly #weights = new Map<string, number>();

  apply(operation: RegistryOperation): void {
    switch (operation.type) {
      case 'saveAgent':
        this.#agents.set(operation.agent.agentId, operation.agent);
        break;
      case 'forgetAgent':
        this.#agents.delete(operation.agentId);
        break;
      case 'saveFramework':
        this.#frameworks.set(operation.framework.frameworkId, operation.framework);
        break;
      case 'forgetFramework':
        this.#frameworks.delete(operation.frameworkId);
        break;
      case 'setWeight':
        this.#weights.set(operation.role, operation.weight);
        break;
      default:
        operation satisfies never;
    }
  }

  state(): RegistryState {
    return {
      agents: [...this.#agents.values()],
      frameworks: [...this.#frameworks.values()],
      weights: Object.fromEntries(this.#weights),
    };
  }
}

/** How an operation changes the store. Each touches one key, so that of several on one key only the last is written. */
export function changeOf(operation: RegistryOperation): StoreChange {
  switch (operation.type) {
    case 'saveAgent':
      return { key: AGENT + operation.agent.agentId, value: operation.agent };
    case 'forgetAgent':
      return { key: AGENT + operation.agentId, value: undefined };
    case 'saveFramework':
      return { key: FRAMEWORK + operation.framework.frameworkId, value: operation.framework };
    case 'forgetFramework':
      return { key: FRAMEWORK + operation.frameworkId, value: undefined };
    case 'setWeight':
      return { key: WEIGHT + operation.role, value: operation.weight };
  }
}

/** The operation that wrote this entry: recovery applies these. Throws for an entry that no operation writes. */
export function operationOf(key: string, value: unknown): RegistryOperation {
  if (key.startsWith(AGENT)) return { type: 'saveAgent', agent: value as AgentRecord };
  if (key.startsWith(FRAMEWORK)) return { type: 'saveFramework', framework: value as FrameworkRecord };
  if (key.startsWith(WEIGHT)) return { type: 'setWeight', role: key.slice(WEIGHT.length), weight: value as number };
  throw new Error(`the registry has no records under "${key}"`);
}
