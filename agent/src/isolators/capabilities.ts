import type { CapabilityName } from '@proffer/isolator-native';
import type { Isolator } from './types.js';
import type { UserPolicy } from './user.js';
import { taskUser } from './user.js';

/**
 * Root in a container keeps the usual small set of capabilities; everybody else has none, not even to gain. An agent that
 * is not root has nothing to give or take: the launcher's default holds.
 */
export function capabilitiesIsolator(policy: UserPolicy, defaults: readonly CapabilityName[]): Isolator {
  return {
    name: 'capabilities',
    prepare(spec) {
      if (policy.own.uid !== 0) return {};
      return { capabilities: taskUser(spec, policy).uid === 0 ? defaults : [] };
    },
  };
}
