import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { SocketAttachment } from './attachment.js';
import { deferred } from './deferred.js';
import { encodeJoin } from './encode.js';
import { checkExecSpec, died, namespacesOf, planExec, runningState } from './exec.js';
import { startLauncher } from './launcher-process.js';
import { launcherError } from './message.js';
import type { LauncherMessage } from './message.js';
import { native } from './native.js';
import { planStreams } from './plan.js';
import { awaitEnd } from './process-watch.js';
import { signalName, signalNumber } from './signals.js';
import { streamChecks } from './spec-check.js';
import type { AttachHandlers, Container, ExecResult, ExecSession, ExecSessionSpec } from './types/index.js';

/** As in running.ts: the signal that carries another one. */
const FORWARD_SIGNAL = 44;
/** A launcher that has answered needs no longer than this to end. */
const END_MS = 10_000;

/**
 * Starts one more command in a running container, with streams or a terminal that its caller holds. Resolves when the
 * command runs; rejects with an `IsolatorError` if it could not be started. It ends with this process at the latest.
 */
export async function openExec(container: Container | string, spec: ExecSessionSpec, handlers: AttachHandlers): Promise<ExecSession> {
  const { terminal, stdin, ...command } = spec;
  checkExecSpec(spec, streamChecks);
  const state = runningState(typeof container === 'string' ? container : container.runtimeDir);
  const payload = encodeJoin(planExec(command, state), {
    initPid: state.init.pid,
    initStartTime: state.init.startTime,
    namespaces: namespacesOf(state),
    timeoutMs: spec.timeoutMs ?? 0,
    captureBytes: 0,
    streams: planStreams({ attach: true, ...(stdin !== undefined && { stdin }), ...(terminal !== undefined && { terminal }) }),
  });
  const [ours, theirs] = native().socketPair();
  const attachment = new SocketAttachment(new Socket({ fd: ours, readable: true, writable: true }), handlers);
  const started = deferred<void>();
  const ended = deferred<ExecResult>();
  let over = false;
  const finish = (settle: () => void): void => {
    over = true;
    launcher.hangUp();
    void awaitEnd(launcher.pidfd, END_MS).then(settle);
  };
  const fail = (error: Error): void => finish(() => {
    attachment.detach();
    started.reject(error);
    ended.reject(error);
  });
  let launcher: ReturnType<typeof startLauncher>;
  try {
    launcher = startLauncher(state.id, payload, [theirs], {
      onMessage: (message: LauncherMessage) => {
        if (message.kind === 'started') started.resolve();
        if (message.kind === 'failed') fail(launcherError(message.failure));
        if (message.kind !== 'ended') return;
        const signal = message.signal === null ? null : signalName(message.signal);
        finish(() => ended.resolve({ code: message.code, signal, timedOut: message.timedOut }));
      },
      onSilence: () => fail(died(state.id)),
    });
  } catch (error) {
    attachment.detach();
    throw error;
  } finally {
    closeSync(theirs);
  }
  ended.promise.catch(() => undefined);
  await started.promise;
  return {
    attachment,
    ended: ended.promise,
    kill: (signal) => {
      const value = signalNumber(signal);
      return !over && native().sendSignal(launcher.pidfd, FORWARD_SIGNAL, value);
    },
  };
}
