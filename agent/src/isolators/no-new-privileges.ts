import type { Isolator } from './types.js';

/** Set-user-id programs (sudo, su, ping, …) gain nothing: a task stays who it was started as. */
export function noNewPrivilegesIsolator(): Isolator {
  return { name: 'no-new-privileges', prepare: () => ({ noNewPrivileges: true }) };
}
