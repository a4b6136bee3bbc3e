import { encodeLaunch } from './encode.js';
import { checkInteger } from './field.js';
import { startLauncher } from './launcher-process.js';
import type { LauncherProcess } from './launcher-process.js';
import { launcherError } from './message.js';
import type { LauncherMessage, StartedMessage } from './message.js';
import { native } from './native.js';
import { planLaunch } from './plan.js';
import { awaitEnd } from './process-watch.js';
import { RunningContainer } from './running.js';
import { removeFilesOf } from './runtime-files.js';
import { checkLaunchSpec } from './spec-check.js';
import { IsolatorError } from './types/errors.js';
import type { Container, LaunchOptions, LaunchSpec } from './types/index.js';

const SIGKILL = 9;
const DEFAULT_TIMEOUT_MS = 30_000;
/** setTimeout's own bound. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;
/** How long a launcher may take to undo an attempt before it is killed. */
const UNDO_MS = 2000;

/**
 * Starts a container; resolves when its program runs. Rejects with an `IsolatorError` when anything before that failed
 * (`INVALID_SPEC`, the kernel's error with its step, `LAUNCH_TIMEOUT`, `LAUNCHER_DIED`), and then nothing is left of it.
 * Blocks the event loop for the clone and exec of the launcher only.
 */
export async function launch(spec: LaunchSpec, options: LaunchOptions = {}): Promise<Container> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkLaunchSpec(spec);
  checkInteger('options.timeoutMs', timeoutMs, 1, TIMEOUT_MS_MAX);
  const plan = planLaunch(spec);
  const { process, answer } = start(spec.id, encodeLaunch(plan.task, plan.launch), timeoutMs);
  const outcome = await answer;
  if (!(outcome instanceof IsolatorError)) {
    return new RunningContainer({
      id: spec.id,
      runtimeDir: spec.runtimeDir,
      pid: process.pid,
      pidfd: process.pidfd,
      init: { pid: outcome.initPid, startTime: outcome.initStartTime },
      launchedAt: outcome.launchedAt,
      ownPidNamespace: plan.launch.namespaces.includes('pid'),
      cgroup: spec.cgroup,
    });
  }
  await undo(process, spec.runtimeDir);
  throw outcome;
}

type Answer = StartedMessage | IsolatorError;

function start(id: string, payload: Uint8Array, timeoutMs: number): { process: LauncherProcess; answer: Promise<Answer> } {
  let settle!: (outcome: Answer) => void;
  const answer = new Promise<Answer>((resolve) => {
    settle = resolve;
  });
  const finish = (outcome: Answer): void => {
    clearTimeout(timer);
    process.hangUp();
    settle(outcome);
  };
  const process = startLauncher(id, payload, [], {
    onMessage: (message: LauncherMessage) => {
      if (message.kind === 'started') finish(message);
      if (message.kind === 'failed') finish(launcherError(message.failure));
    },
    onSilence: () => finish(launchError(id, 'LAUNCHER_DIED', 'the launcher ended without an answer')),
  });
  const late = (): void => finish(launchError(id, 'LAUNCH_TIMEOUT', `the program did not run after ${timeoutMs} ms`));
  const timer = setTimeout(late, timeoutMs);
  return { process, answer };
}

/** The launcher undoes what it made; this waits until that is done. */
async function undo(process: LauncherProcess, runtimeDir: string): Promise<void> {
  const addon = native();
  const { pid, pidfd } = process;
  const timer = setTimeout(() => addon.sendSignal(pidfd, SIGKILL), UNDO_MS);
  await awaitEnd(pidfd, 2 * UNDO_MS);
  clearTimeout(timer);
  removeFilesOf(runtimeDir, pid);
}

function launchError(id: string, code: 'LAUNCHER_DIED' | 'LAUNCH_TIMEOUT', reason: string): IsolatorError {
  return new IsolatorError(`launch ${id}: ${code}, ${reason}`, { code, errno: 0, step: 'launch' });
}
