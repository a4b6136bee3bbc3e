import type { Store, StoreChange } from '@proffer/sdk/service';
import type { RegistryOperation, RegistryState } from '../core/types.js';
import { changeOf, operationOf, RECORD_PREFIXES, Records } from './records.js';

/** Form of the records in the store. A build reads its own form and older ones, never newer ones. */
export const REGISTRY_FORMAT = 1;

const FORMAT_KEY = 'format';
const EPOCH_KEY = 'epoch';

/**
 * What must survive the master: admitted, unreachable and gone agents, frameworks with their failover deadlines, weights
 * of roles, and the number of its run. Never tasks or offers: agents bring tasks along when they register.
 */
export class Registry {
  readonly #store: Store;
  readonly #records = new Records();

  /** Reads what the store holds. Throws Error for a store that a newer build wrote. */
  constructor(store: Store) {
    this.#store = store;
    const format = store.get(FORMAT_KEY);
    if (format !== undefined && (typeof format !== 'number' || format > REGISTRY_FORMAT)) {
      throw new Error(
        `the registry has format ${JSON.stringify(format)}, this build reads up to ${REGISTRY_FORMAT}: start the newer build that wrote it`,
      );
    }
    for (const prefix of RECORD_PREFIXES) {
      for (const [key, value] of store.entries(prefix)) this.#records.apply(operationOf(key, value));
    }
  }

  state(): RegistryState {
    return this.#records.state();
  }

  /** The number of this run of a master on this registry, durable before it is told: no two runs have the same. */
  async beginEpoch(): Promise<number> {
    const epoch = Number(this.#store.get(EPOCH_KEY) ?? 0) + 1;
    await this.#store.write([
      { key: FORMAT_KEY, value: REGISTRY_FORMAT },
      { key: EPOCH_KEY, value: epoch },
    ]);
    return epoch;
  }

  /** Applies the operations in order; resolves once all of them are durable, rejects when the disk refuses. */
  commit(operations: readonly RegistryOperation[]): Promise<void> {
    const changes = new Map<string, StoreChange>();
    for (const operation of operations) {
      this.#records.apply(operation);
      const change = changeOf(operation);
      changes.set(change.key, change);
    }
    return this.#store.write([...changes.values()]);
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.#store.close();
  }
}
