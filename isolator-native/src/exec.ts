import { closeSync, fstatSync, readSync } from 'node:fs';
import { encodeJoin } from './encode.js';
import type { PlannedTask } from './encode.js';
import { checkInteger, checkObject } from './field.js';
import { startLauncher } from './launcher-process.js';
import { launcherError } from './message.js';
import type { EndedMessage, LauncherMessage } from './message.js';
import { namespaceFlags } from './namespace-flags.js';
import type { FlaggedNamespace } from './namespace-flags.js';
import { native } from './native.js';
import { planStreams, planTask } from './plan.js';
import { awaitEnd } from './process-watch.js';
import { bootId, readState } from './runtime-files.js';
import type { ContainerState } from './runtime-files.js';
import { signalName } from './signals.js';
import { taskChecks } from './spec-check.js';
import { IsolatorError } from './types/errors.js';
import type { Container, ExecResult, ExecSpec } from './types/index.js';

/** What `captureBytes` may be: output is held in memory twice. */
const CAPTURE_BYTES_MAX = 64 << 20;
/** setTimeout's, and 24 days are no health check. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;
/** A launcher that has answered needs no longer than this to end; nor, after the time-out, to end what it started. */
const END_MS = 10_000;
const SIGKILL = 9;

/**
 * Runs one more command inside a running container: in its namespaces and cgroups, with the rights given here, and waits
 * for its end. When the command ends, at the time-out, or when this process dies, everything it started is killed.
 * Rejects with an `IsolatorError` if it could not be started; `ESRCH` when the container has ended.
 */
export async function execIn(container: Container | string, spec: ExecSpec): Promise<ExecResult> {
  checkExecSpec(spec);
  const runtimeDir = typeof container === 'string' ? container : container.runtimeDir;
  const state = runningState(runtimeDir);
  const captureBytes = spec.captureBytes ?? 0;
  const payload = encodeJoin(planExec(spec, state), {
    initPid: state.init.pid,
    initStartTime: state.init.startTime,
    namespaces: namespacesOf(state),
    timeoutMs: spec.timeoutMs ?? 0,
    captureBytes,
    streams: planStreams({}),
  });
  const captures = captureBytes > 0 ? ['stdout', 'stderr'].map((name) => native().memoryFile(name)) : [];
  try {
    const ended = await run(state.id, payload, captures, spec.timeoutMs);
    const [stdout, stderr] = captures.map(readAll);
    return {
      code: ended.code,
      signal: ended.signal === null ? null : signalName(ended.signal),
      timedOut: ended.timedOut,
      ...(stdout !== undefined && stderr !== undefined && { stdout, stderr }),
    };
  } finally {
    for (const capture of captures) closeSync(capture);
  }
}

/** Throws `INVALID_SPEC` naming the first bad field. `more` are fields that only a session has. */
export function checkExecSpec(spec: ExecSpec, more: typeof taskChecks = {}): void {
  checkObject(
    '',
    spec,
    {
      ...taskChecks,
      ...more,
      timeoutMs: (field, value) => checkInteger(field, value, 1, TIMEOUT_MS_MAX),
      captureBytes: (field, value) => checkInteger(field, value, 0, CAPTURE_BYTES_MAX),
    },
    ['argv'],
  );
}

export function runningState(runtimeDir: string): ContainerState {
  const state = readState(runtimeDir);
  if (typeof state === 'object' && state.bootId === bootId()) return state;
  throw new IsolatorError(`exec in container ${runtimeDir}: ESRCH, no container runs there`, {
    code: 'ESRCH', errno: 3, step: 'find container', path: runtimeDir,
  });
}

export function planExec(spec: ExecSpec, state: ContainerState): PlannedTask {
  return planTask(spec, {
    cgroups: spec.cgroup?.directories ?? state.cgroups,
    cgroupNamespace: state.namespaces.includes('cgroup'),
    userNamespace: state.namespaces.includes('user'),
  });
}

export function namespacesOf(state: ContainerState): FlaggedNamespace[] {
  return (Object.keys(namespaceFlags) as FlaggedNamespace[]).filter((name) => state.namespaces.includes(name));
}

function run(id: string, payload: Uint8Array, captures: readonly number[], timeoutMs: number | undefined): Promise<EndedMessage> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(guard);
      launcher.hangUp();
      void awaitEnd(launcher.pidfd, END_MS).then(settle);
    };
    const launcher = startLauncher(id, payload, captures, {
      onMessage: (message: LauncherMessage) => {
        if (message.kind === 'ended') finish(() => resolve(message));
        if (message.kind === 'failed') finish(() => reject(launcherError(message.failure)));
      },
      onSilence: () => finish(() => reject(died(id))),
    });
    // The launcher keeps the time-out itself, unless it hangs before the command runs.
    const hung = (): void => {
      native().sendSignal(launcher.pidfd, SIGKILL);
    };
    const guard = timeoutMs === undefined ? undefined : setTimeout(hung, Math.min(timeoutMs + END_MS, TIMEOUT_MS_MAX));
  });
}

export function died(id: string): IsolatorError {
  return new IsolatorError(`exec in ${id}: LAUNCHER_DIED, the launcher ended without an answer`, {
    code: 'LAUNCHER_DIED', errno: 0, step: 'exec',
  });
}

function readAll(descriptor: number): Buffer {
  const { size } = fstatSync(descriptor);
  const bytes = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const got = readSync(descriptor, bytes, done, size - done, done);
    if (got === 0) break;
    done += got;
  }
  return bytes.subarray(0, done);
}
