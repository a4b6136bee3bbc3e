import type {
  CapabilityName,
  Cgroup,
  CgroupLimits,
  CgroupUsage,
  LaunchSpec,
  MountSpec,
  NamespaceSpec,
  RootSpec,
} from '@proffer/isolator-native';
import type { ContainerInfo, ResourceLimits, Resources } from '@proffer/sdk/model';
import type { ContainerExit, ContainerSpec, ContainerUsage } from '../containerizer/types.js';
import type { ContainerField } from './fields.js';
import type { TaskUser } from './users.js';

/** The isolators of this agent, in the order in which they work. Clean-up goes backwards. */
export const ISOLATORS = [
  'user',
  'namespaces',
  'user-namespace',
  'time',
  'network',
  'filesystem',
  'capabilities',
  'no-new-privileges',
  'seccomp',
  'rlimits',
  'cpu',
  'cpuset',
  'memory',
  'io',
  'hugepages',
  'pids',
  'devices',
  'net-class',
  'disk',
] as const;

export type IsolatorName = (typeof ISOLATORS)[number];

/** A limit that made the containerizer end a container. */
export type Limitation = NonNullable<ContainerExit['limitation']>;

/** What an isolator asks the launcher for. Parts of several isolators are put together by `combine`. */
export interface Preparation {
  readonly namespaces?: NamespaceSpec;
  readonly hostname?: string;
  readonly root?: RootSpec;
  readonly mounts?: readonly MountSpec[];
  readonly hiddenPaths?: readonly string[];
  readonly capabilities?: readonly CapabilityName[];
  readonly noNewPrivileges?: boolean;
  /** The filter of its system calls. */
  readonly seccomp?: Uint8Array;
  readonly rlimits?: NonNullable<LaunchSpec['limits']>;
  /** The command is process 1 itself. */
  readonly ownInit?: boolean;
  readonly user?: TaskUser;
  /** Limits that are in force before the first instruction of the task. */
  readonly limits?: CgroupLimits;
  /** Added to the task's environment, over the core's, under the command's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The sandbox's path as the task sees it; the task starts there. */
  readonly workingDirectory?: string;
  /** Addresses in networks of its own, the first network's first. */
  readonly ipAddresses?: readonly string[];
}

/** What a container's isolators have in common knowledge once it has a cgroup. Resources change with `update`. */
export interface IsolatedContainer {
  readonly containerId: string;
  /** Absent where the machine has no cgroups for us. */
  readonly cgroup?: Cgroup;
  readonly resources: Resources;
  readonly limits: ResourceLimits | undefined;
  /** What its task asked for beyond resources and limits. */
  readonly wishes?: ContainerInfo;
  /** Its sandbox, outside. */
  readonly sandbox?: string;
  /** The container's process 1, while it runs. */
  readonly pid?: number;
}

/**
 * One kind of isolation: one file, one object per agent. `prepare` decides; the rest is there where the kernel must be told or
 * asked later. Every method but `cleanup` is synchronous and may throw: a sentence that names the field and what to do.
 */
export interface Isolator {
  readonly name: IsolatorName;
  /** The wishes of a task's `container` that it takes care of. A wish that nobody takes care of is refused. */
  readonly handles?: readonly ContainerField[];
  /**
   * What this container needs, from its spec alone, also when a container is recovered: no side effects, but that something
   * may be set aside under the container's id until `cleanup` (a range of user ids, cores, GPUs).
   */
  prepare(spec: ContainerSpec): Preparation;
  /**
   * What takes time or leaves traces (a root file system, a network), after `prepare` and the fetch and before the cgroup.
   * Its part is put over all that `prepare` gave. `cleanup` follows in any case, also when this rejects.
   */
  provide?(spec: ContainerSpec): Promise<Preparation>;
  /** The cgroup exists, the task does not run yet. */
  isolate?(container: IsolatedContainer): void;
  /** `container` has the new resources. Rejecting a change leaves the old limit in force. */
  update?(container: IsolatedContainer): void;
  /** Its part of the figures, from one reading of the cgroup. */
  usage?(reading: CgroupUsage, container: IsolatedContainer): Partial<ContainerUsage>;
  /** Calls back when a limit was hit that must end the container. Returns what stops watching. */
  watch?(container: IsolatedContainer, onLimitation: (limitation: Limitation) => void): () => void;
  /** The limit that ended it, if this one did: asked once, after the end, before the cgroup goes. */
  verdict?(container: IsolatedContainer): Limitation | undefined;
  /** A container of an earlier agent process goes on. */
  recover?(container: IsolatedContainer): void;
  /** The container is over: gives back what `isolate` or `recover` took outside the cgroup. */
  cleanup?(containerId: string): Promise<void>;
  /** Once, after a start of the agent: what belongs to none of these containers is nobody's, and goes. */
  retain?(containerIds: ReadonlySet<string>): Promise<void>;
  /** The agent ends; containers go on. */
  close?(): Promise<void>;
}
