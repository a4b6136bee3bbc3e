import type { ExitStatus } from '@proffer/isolator-native';
import type { Limitation } from '../isolators/types.js';
import type { ContainerExit } from './types.js';

/**
 * How a container ended, from the launcher's status and the limit that was hit, if one was. A task that came to a good
 * end was not ended by a limit, whatever happened to its children.
 */
export function containerExit(status: ExitStatus, limitation: Limitation | undefined): ContainerExit {
  const limited = limitation === undefined ? {} : { limitation };
  if (status.kind === 'lost') return { lost: status.reason, ...limited };
  if (status.signal !== null) return { signal: status.signal, ...limited };
  if (status.code === 0 || status.code === null) return { code: status.code ?? 0 };
  return { code: status.code, ...limited };
}
