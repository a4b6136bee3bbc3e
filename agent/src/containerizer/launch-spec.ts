import type { Cgroup, LaunchSpec } from '@proffer/isolator-native';
import { fromPairs, type CommandInfo } from '@proffer/sdk/model';
import type { Preparation } from '../isolators/types.js';
import type { ContainerSpec } from './types.js';

/** PATH of a task that sets none: the usual directories, not the agent's own environment. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the launcher is asked for: the isolators' wishes together with the command. */
export function launchSpec(
  spec: ContainerSpec,
  preparation: Preparation,
  place: { readonly runtimeDir: string; readonly path: string; readonly cgroup: Cgroup | undefined },
): LaunchSpec {
  const { namespaces, hostname, root, mounts, hiddenPaths, capabilities, noNewPrivileges, user, seccomp, rlimits } = preparation;
  const mountNamespace = namespaces?.mount === true;
  return {
    id: spec.containerId,
    runtimeDir: place.runtimeDir,
    argv: commandArguments(spec.command),
    env: environment(spec, preparation, place.path),
    cwd: preparation.workingDirectory ?? spec.sandbox,
    logs: { directory: spec.sandbox },
    noNewPrivileges: noNewPrivileges === true,
    ...(user === undefined ? {} : { user: { uid: user.uid, gid: user.gid, groups: user.groups } }),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(mountNamespace && root !== undefined ? { root } : {}),
    ...(mountNamespace && mounts !== undefined ? { mounts } : {}),
    ...(mountNamespace && hiddenPaths !== undefined ? { hiddenPaths } : {}),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(rlimits === undefined ? {} : { limits: rlimits }),
    ...(preparation.ownInit === true ? { ownInit: true } : {}),
    ...(place.cgroup === undefined ? {} : { cgroup: place.cgroup }),
  };
}

/** The program and its arguments. The launcher runs a program by its name: an argv[0] that differs from it is not passed on. */
export function commandArguments(command: CommandInfo): string[] {
  return command.shell ? ['/bin/sh', '-c', command.value] : [command.value, ...(command.arguments ?? []).slice(1)];
}

/** Nothing of the agent's own environment: PATH, then the core's variables, the isolators', and the command's own over all. */
export function environment(spec: ContainerSpec, preparation: Preparation, path: string): Record<string, string> {
  return {
    PATH: path,
    ...fromPairs(spec.environment),
    ...preparation.environment,
    ...fromPairs(spec.command.environment ?? []),
  };
}
