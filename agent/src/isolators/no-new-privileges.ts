import type { Isolator } from './types.js';

/** Set-user-id programs (sudo, su, ping, …) gain nothing: a task stays who it was started as, unless it asks and may. */
export function noNewPrivilegesIsolator(mayGain: boolean): Isolator {
  return {
    name: 'no-new-privileges',
    handles: ['linux.noNewPrivileges'],
    prepare(spec) {
      const wish = spec.container?.linux?.noNewPrivileges ?? true;
      if (wish || mayGain) return { noNewPrivileges: wish };
      throw new Error('container.linux.noNewPrivileges: this agent lets no task gain rights by set-user-id programs; ' +
        'leave it out, or have the operator allow it');
    },
  };
}
