/** An app as Marathon's users write it, with every default filled in. */
export interface App {
  /** Absolute path: `/shop/cart`. */
  readonly id: string;
  /** Run by `/bin/sh -c`; exactly one of `cmd` and `args` is given. */
  readonly cmd?: string;
  /** Program and arguments. */
  readonly args?: readonly string[];
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus: number;
  readonly instances: number;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly fetch: readonly Fetch[];
  readonly portDefinitions: readonly PortDefinition[];
  /** True: `portDefinitions[].port` are the very ports on the host; false: they are service ports, and any host port will do. */
  readonly requirePorts: boolean;
  readonly healthChecks: readonly AppHealthCheck[];
  readonly backoffSeconds: number;
  readonly backoffFactor: number;
  readonly maxLaunchDelaySeconds: number;
  readonly upgradeStrategy: UpgradeStrategy;
  readonly killSelection: 'YOUNGEST_FIRST' | 'OLDEST_FIRST';
  readonly taskKillGracePeriodSeconds?: number;
  readonly unreachableStrategy: UnreachableStrategy;
  readonly constraints: readonly Constraint[];
  readonly acceptedResourceRoles?: readonly string[];
  readonly role: string;
  /** When this definition was made: ISO 8601 with milliseconds. Unique among the versions of an app. */
  readonly version: string;
  readonly versionInfo: {
    readonly lastScalingAt: string;
    /**
     * Names the configuration that tasks run: instances of another one are out of date. It changes only with fields
     * that reach the task, and comes back with a roll-back, so that instances of before are up to date again.
     */
    readonly lastConfigChangeAt: string;
  };
}

export interface Fetch {
  readonly uri: string;
  readonly extract: boolean;
  readonly executable: boolean;
  readonly cache: boolean;
  readonly destPath?: string;
}

export interface PortDefinition {
  readonly port: number;
  readonly name?: string;
  readonly protocol: 'tcp' | 'udp' | 'udp,tcp';
  readonly labels: Readonly<Record<string, string>>;
}

export const HEALTH_PROTOCOLS = ['HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'] as const;
export type HealthProtocol = (typeof HEALTH_PROTOCOLS)[number];

export interface AppHealthCheck {
  readonly protocol: HealthProtocol;
  readonly path?: string;
  /** Wins over `portIndex`. */
  readonly port?: number;
  readonly portIndex?: number;
  readonly command?: { readonly value: string };
  readonly gracePeriodSeconds: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** 0 never kills. */
  readonly maxConsecutiveFailures: number;
  readonly delaySeconds: number;
}

export interface UpgradeStrategy {
  /** Part of the instances that must stay healthy while others are replaced, 0 to 1. */
  readonly minimumHealthCapacity: number;
  /** How much more than `instances` may run meanwhile, 0 to 1. */
  readonly maximumOverCapacity: number;
}

/** What becomes of an instance whose agent is out of reach: replaced, and later forgotten (killed if it comes back). */
export type UnreachableStrategy = 'disabled' | { readonly inactiveAfterSeconds: number; readonly expungeAfterSeconds: number };

export const CONSTRAINT_OPERATORS = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'MAX_PER', 'UNLIKE', 'IS'] as const;
export type ConstraintOperator = (typeof CONSTRAINT_OPERATORS)[number];

/** `[field, operator]` or `[field, operator, value]`; the field is `hostname` or the name of an agent's attribute. */
export type Constraint = readonly [field: string, operator: ConstraintOperator, value?: string];

/** What a user gives of an app: anything left out has its default, or keeps what it was in an update. */
export type AppUpdate = { readonly [K in Exclude<keyof App, 'version' | 'versionInfo' | 'id'>]?: App[K] };

export const APP_DEFAULTS = {
  cpus: 1,
  mem: 128,
  disk: 0,
  gpus: 0,
  instances: 1,
  env: {},
  labels: {},
  fetch: [],
  portDefinitions: [{ port: 0, name: 'default', protocol: 'tcp', labels: {} }],
  requirePorts: false,
  healthChecks: [],
  backoffSeconds: 1,
  backoffFactor: 1.15,
  maxLaunchDelaySeconds: 300,
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  killSelection: 'YOUNGEST_FIRST',
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  constraints: [],
} as const satisfies AppUpdate;

/** Fields that a running task carries or that decided where it may run; a change of any other restarts nothing. */
const REACHES_TASK = [
  'cmd',
  'args',
  'cpus',
  'mem',
  'disk',
  'gpus',
  'env',
  'labels',
  'user',
  'fetch',
  'portDefinitions',
  'requirePorts',
  'healthChecks',
  'constraints',
  'taskKillGracePeriodSeconds',
] as const satisfies readonly (keyof App)[];

/** True if tasks of one definition would differ from those of the other. */
export function needsRestart(before: App, after: App): boolean {
  return REACHES_TASK.some((field) => canonical(before[field]) !== canonical(after[field]));
}

/** True if the two definitions are the same but for their versions. */
export function sameDefinition(before: App, after: App): boolean {
  return canonical({ ...before, version: '', versionInfo: null }) === canonical({ ...after, version: '', versionInfo: null });
}

/** JSON with sorted keys, so that two values can be compared. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ''
  );
}
