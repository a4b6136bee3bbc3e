import type { CapabilityName } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import type { NativeLayer } from '../containerizer/native.js';
import type { Isolator } from './types.js';

/** How system calls are filtered. */
export interface SeccompPolicy {
  readonly native: Pick<NativeLayer, 'defaultSeccomp' | 'compileSeccomp'>;
  readonly allowUnconfined: boolean;
  /** What the task will have: calls that need a capability are open to who has it. */
  readonly capabilitiesOf: (spec: ContainerSpec) => readonly CapabilityName[];
}

/** Every task runs under the default filter, a profile of its own, or (where the operator allows it) none. */
export function seccompIsolator({ native, allowUnconfined, capabilitiesOf }: SeccompPolicy): Isolator {
  return {
    name: 'seccomp',
    handles: ['linux.seccomp'],
    prepare(spec) {
      const wish = spec.container?.linux?.seccomp ?? 'default';
      if (wish === 'default') return { seccomp: native.defaultSeccomp({ capabilities: capabilitiesOf(spec) }) };
      if (wish !== 'unconfined') return { seccomp: compiled(wish, spec) };
      if (allowUnconfined) return {};
      throw new Error('container.linux.seccomp: this agent runs no task unconfined; leave it out, give a profile, or have the ' +
        'operator allow it');
    },
  };

  function compiled(profile: string, spec: ContainerSpec): Uint8Array {
    try {
      return native.compileSeccomp(profile, { capabilities: capabilitiesOf(spec) });
    } catch (cause) {
      throw new Error(`container.linux.seccomp: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}
