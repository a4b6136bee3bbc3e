import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Cgroup,
  CgroupLimits,
  CgroupTree,
  CgroupUsage,
  Container,
  ExecResult,
  ExecSpec,
  ExitStatus,
  LaunchSpec,
  MemoryUsage,
  OomEvent,
  ProbeResult,
} from '@proffer/isolator-native';
import type { NativeLayer } from './native.js';

export const MEMORY: MemoryUsage = {
  usageBytes: 64 << 20,
  peakBytes: 64 << 20,
  limitBytes: 64 << 20,
  fileBytes: 1 << 20,
  anonBytes: 63 << 20,
  activeBytes: 0,
  inactiveBytes: 0,
  kernelBytes: 0,
  oomKills: 0,
};

/** A machine that can do everything, on which containers are objects. */
export class FakeNative implements NativeLayer {
  readonly defaultCapabilities = ['CHOWN', 'KILL'];
  readonly capabilityNames = ['CHOWN', 'KILL', 'NET_ADMIN', 'SYS_ADMIN'];
  readonly defaultDeviceRules = [{ type: 'char', major: 1, minor: 3, access: 'rwm' }] as const;
  readonly cgroups = new Map<string, FakeCgroup>();
  readonly containers = new Map<string, FakeContainer>();
  readonly launched: LaunchSpec[] = [];
  readonly executed: ExecSpec[] = [];
  execResult: Partial<ExecResult> = { code: 0 };
  probed: Partial<ProbeResult> = {};
  /** Files of network namespaces. */
  readonly networkNamespaces = new Set<string>();
  /** Makes the next launch fail. */
  launchError: Error | undefined;
  /** Makes the next cgroup fail. */
  cgroupError: Error | undefined;
  /** Lets half a minute pass at once. */
  patienceEnds = false;
  /** While set, launches wait for it. */
  launchGate: Promise<void> | undefined;

  async makeNetworkNamespace(path: string): Promise<void> {
    this.networkNamespaces.add(path);
    await Promise.resolve();
  }

  async removeNetworkNamespace(path: string): Promise<void> {
    this.networkNamespaces.delete(path);
    await Promise.resolve();
  }

  async removeBridge(): Promise<void> {
    await Promise.resolve();
  }

  probe(): ProbeResult {
    const controller = { version: 1, directory: '/nowhere' } as const;
    return {
      mode: 'namespaces',
      uid: process.getuid?.() ?? 0,
      root: process.getuid?.() === 0,
      kernel: '6.0.0',
      cgroups: {
        kind: 'v1',
        controllers: { cpu: controller, memory: controller, pids: controller, devices: controller },
        unusable: {},
      },
      namespaces: { pid: true, mount: true, uts: true, ipc: true, cgroup: true, user: true, net: true, time: true },
      unprivilegedUserNamespaces: true,
      overlay: true,
      raiseLimits: true,
      idmappedMounts: true,
      missing: [],
      ...this.probed,
    };
  }

  openCgroupTree({ prefix }: { readonly prefix: string }): CgroupTree {
    return {
      prefix,
      controllers: { cpu: 1, cpuset: 1, memory: 1, io: 1, pids: 1, devices: 1, hugetlb: 1, net_cls: 1 },
      create: (name, limits) => this.#createCgroup(name, limits),
      open: (name) => this.cgroups.get(name),
      cores: () => [0, 1, 2, 3],
      list: () => [...this.cgroups.keys()].sort(),
      removeAll: async () => this.cgroups.clear(),
    };
  }

  async launch(spec: LaunchSpec): Promise<Container> {
    this.launched.push(spec);
    await this.launchGate;
    const error = this.launchError;
    this.launchError = undefined;
    if (error !== undefined) throw error;
    writeFileSync(join(spec.runtimeDir, 'state'), '{}');
    const container = new FakeContainer(spec.id, spec.runtimeDir, spec.cgroup);
    this.containers.set(spec.id, container);
    return container;
  }

  async recover(runtimeDir: string): Promise<Container> {
    const found = [...this.containers.values()].find((container) => container.runtimeDir === runtimeDir);
    if (found === undefined) throw new Error(`${runtimeDir}: no state`);
    return found;
  }

  async execIn(_container: Container, spec: ExecSpec): Promise<ExecResult> {
    this.executed.push(spec);
    return { code: null, signal: null, timedOut: false, ...this.execResult };
  }

  ownUserNamespace(): { uidMap: []; gidMap: [] } {
    return { uidMap: [], gidMap: [] };
  }

  defaultSeccomp(): Uint8Array {
    return new Uint8Array(8);
  }

  compileSeccomp(): Uint8Array {
    return new Uint8Array(16);
  }

  #createCgroup(name: string, limits: CgroupLimits = {}): Cgroup {
    const error = this.cgroupError;
    this.cgroupError = undefined;
    if (error !== undefined) throw error;
    const cgroup = new FakeCgroup(name, limits, () => this.cgroups.delete(name));
    this.cgroups.set(name, cgroup);
    return cgroup;
  }
}

/** Remembers limits; its figures are what the test says. */
export class FakeCgroup implements Cgroup {
  readonly name: string;
  readonly directories: readonly string[] = [];
  limits: CgroupLimits;
  figures: CgroupUsage = { memory: MEMORY };
  listeners: ((event: OomEvent) => void)[] = [];
  updateError: Error | undefined;
  removeError: Error | undefined;
  readonly #onRemoved: () => void;

  constructor(name: string, limits: CgroupLimits, onRemoved: () => void) {
    this.name = name;
    this.limits = limits;
    this.#onRemoved = onRemoved;
  }

  update(limits: CgroupLimits): void {
    if (this.updateError !== undefined) throw this.updateError;
    this.limits = { ...this.limits, ...limits };
  }

  usage(): CgroupUsage {
    return this.figures;
  }

  processes(): number[] {
    return [];
  }

  onOom(listener: (event: OomEvent) => void): () => void {
    this.listeners.push(listener);
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }

  async kill(): Promise<void> {
    await Promise.resolve();
  }

  async remove(): Promise<void> {
    const error = this.removeError;
    this.removeError = undefined;
    if (error !== undefined) throw error;
    this.#onRemoved();
  }

  /** The kernel runs out of this cgroup's memory. */
  outOfMemory(): void {
    const memory = { ...MEMORY, oomKills: 1 };
    this.figures = { memory };
    for (const listener of this.listeners) listener({ oomKills: 1, memory });
  }
}

/** Ends when the test says, or by SIGKILL. */
export class FakeContainer implements Container {
  readonly id: string;
  readonly runtimeDir: string;
  readonly pid = 1000;
  readonly initPid = 1001;
  readonly launchedAt = 0;
  readonly exited: Promise<ExitStatus>;
  readonly signals: (string | number)[] = [];
  status: ExitStatus | undefined;
  destroyed = false;
  released = false;
  readonly #cgroup: Cgroup | undefined;
  #settle: (status: ExitStatus) => void = () => undefined;

  constructor(id: string, runtimeDir: string, cgroup: Cgroup | undefined) {
    this.id = id;
    this.runtimeDir = runtimeDir;
    this.#cgroup = cgroup;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  kill(signal: NodeJS.Signals | number): boolean {
    this.signals.push(signal);
    if (signal === 'SIGKILL') this.end({ code: null, signal });
    return true;
  }

  end({ code, signal }: { code: number | null; signal: string | null }): void {
    if (this.status !== undefined) return;
    const usage = { userUs: 0, systemUs: 0, maxRssBytes: 0 };
    this.status = { kind: 'exited', code, signal, core: false, startedAt: 0, finishedAt: 1, usage };
    this.#settle(this.status);
  }

  async destroy(): Promise<ExitStatus> {
    this.kill('SIGKILL');
    this.destroyed = true;
    await this.#cgroup?.remove();
    return this.exited;
  }

  ref(): void {
    this.released = false;
  }

  unref(): void {
    this.released = false;
  }

  release(): void {
    this.released = true;
  }
}
