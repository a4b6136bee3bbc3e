import { basename } from 'node:path';
import { EndedContainer } from './ended.js';
import { endRemains } from './ending.js';
import { openExactly } from './process-watch.js';
import { RunningContainer } from './running.js';
import { bootId, readExit, readState } from './runtime-files.js';
import type { ContainerState } from './runtime-files.js';
import { IsolatorError } from './types/errors.js';
import type { Container, ExitStatus, RecoverOptions } from './types/index.js';

/**
 * Takes over a container that another process launched: one that runs behaves as if launched here; one that ended gives
 * its exit status; one whose monitor was killed, or that was there before the machine restarted, is `lost`, and what may
 * be left of it is ended first. Rejects with `ENOENT` if there never was a container in this directory.
 */
export async function recover(runtimeDir: string, options: RecoverOptions = {}): Promise<Container> {
  const { cgroup } = options;
  const state = readState(runtimeDir);
  const known = typeof state === 'object' ? state : undefined;
  const ended = (status: ExitStatus): Container =>
    new EndedContainer({ id: known?.id ?? basename(runtimeDir), runtimeDir, launchedAt: known?.startedAt ?? 0, status, cgroup });

  const exit = readExit(runtimeDir);
  if (exit !== undefined) return ended(exit);
  if (state === undefined) {
    throw new IsolatorError(`recover container ${runtimeDir}: ENOENT, it has no file "state": nothing was launched with it`, {
      code: 'ENOENT', errno: 2, step: 'recover container', path: runtimeDir,
    });
  }
  if (known === undefined) return ended({ kind: 'lost', reason: `the file state in ${runtimeDir} cannot be read` });
  if (known.bootId !== bootId()) return ended({ kind: 'lost', reason: 'the machine was restarted while it ran' });
  return reopen(runtimeDir, known, options) ?? ended(await settleWithoutMonitor(runtimeDir, known, options));
}

function reopen(runtimeDir: string, state: ContainerState, { cgroup }: RecoverOptions): Container | undefined {
  const pidfd = openExactly(state.monitor);
  if (pidfd === undefined) return undefined;
  return new RunningContainer({
    id: state.id,
    runtimeDir,
    pid: state.monitor.pid,
    pidfd,
    init: state.init,
    launchedAt: state.startedAt,
    ownPidNamespace: state.namespaces.includes('pid'),
    cgroup,
  });
}

async function settleWithoutMonitor(runtimeDir: string, state: ContainerState, { cgroup }: RecoverOptions): Promise<ExitStatus> {
  // It may have ended properly since the first look.
  const exit = readExit(runtimeDir);
  if (exit !== undefined) return exit;
  const left = await endRemains({ init: state.init, ownPidNamespace: state.namespaces.includes('pid'), cgroup });
  const reason = `the launcher ${state.monitor.pid} was killed before it could write how the task ended`;
  return { kind: 'lost', reason: left === '' ? reason : `${reason}; ${left}` };
}
