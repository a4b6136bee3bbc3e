import type { ExecResult, ExecSpec, LaunchSpec } from '@proffer/isolator-native';
import { fromPairs, type CommandInfo } from '@proffer/sdk/model';
import { commandArguments } from './launch-spec.js';

/** A further command with the identity, rights, directory and environment of the container's task; its own variables win. */
export function execSpec(task: LaunchSpec, command: CommandInfo, timeoutMs: number): ExecSpec {
  const { env, cwd, user, capabilities, noNewPrivileges, seccomp, limits } = task;
  return {
    argv: commandArguments(command),
    env: { ...env, ...fromPairs(command.environment ?? []) },
    timeoutMs: Math.max(1, Math.ceil(timeoutMs)),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/** An exit code, or a sentence where there is none. */
export function execOutcome(result: ExecResult, timeoutMs: number): { code: number } | { error: string } {
  if (result.timedOut) return { error: `it did not end within ${timeoutMs / 1000} s and was killed` };
  if (result.code !== null) return { code: result.code };
  return { error: `it was ended by ${result.signal ?? 'a signal'}` };
}
