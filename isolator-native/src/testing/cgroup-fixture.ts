import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { CgroupFiles, CgroupOperation, RemainingCgroup } from '../cgroups/files.js';
import { IsolatorError } from '../types/errors.js';

/** Contents by file name. */
type FileTexts = Readonly<Record<string, string>>;

/** A line of mountinfo. `options` are the super block's, `root` is what of the hierarchy is mounted. */
type FixtureMount = readonly [point: string, type: string, options: string, root?: string];

/** What a fresh cgroup of each v1 controller has. */
const V1_FILES: Readonly<Record<string, FileTexts>> = {
  cpu: {
    'cpu.shares': '1024\n', 'cpu.cfs_quota_us': '-1\n', 'cpu.cfs_burst_us': '0\n', 'cpu.rt_runtime_us': '0\n',
    'cpu.stat': 'nr_periods 0\nnr_throttled 0\nthrottled_time 0\n',
  },
  cpuset: { 'cpuset.cpus': '\n', 'cpuset.mems': '\n', 'cgroup.clone_children': '0\n' },
  blkio: {
    'blkio.bfq.weight': '100\n',
    'blkio.throttle.read_bps_device': '', 'blkio.throttle.write_bps_device': '',
    'blkio.throttle.read_iops_device': '', 'blkio.throttle.write_iops_device': '',
    'blkio.throttle.io_service_bytes_recursive': 'Total 0\n', 'blkio.throttle.io_serviced_recursive': 'Total 0\n',
  },
  hugetlb: { 'hugetlb.2MB.limit_in_bytes': '9223372036852678656\n' },
  net_cls: { 'net_cls.classid': '0\n' },
  cpuacct: { 'cpuacct.usage': '0\n', 'cpuacct.usage_user': '0\n', 'cpuacct.usage_sys': '0\n' },
  memory: {
    'memory.usage_in_bytes': '0\n', 'memory.max_usage_in_bytes': '0\n', 'memory.limit_in_bytes': '9223372036854771712\n',
    'memory.memsw.limit_in_bytes': '9223372036854771712\n', 'memory.soft_limit_in_bytes': '9223372036854771712\n',
    'memory.stat': 'cache 1\nrss 2\ntotal_cache 0\ntotal_rss 0\n', 'memory.kmem.usage_in_bytes': '0\n',
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
  },
  pids: { 'pids.current': '0\n', 'pids.max': 'max\n', 'pids.events': 'max 0\n' },
  devices: { 'devices.list': 'a *:* rwm\n', 'devices.allow': '', 'devices.deny': '' },
  freezer: { 'freezer.state': 'THAWED\n' },
};

/** The same for v2; the files without a controller are in every cgroup but the root. */
const V2_FILES: Readonly<Record<string, FileTexts>> = {
  '': {
    'cgroup.kill': '', 'cgroup.freeze': '0\n',
    'cpu.stat': 'usage_usec 0\nuser_usec 0\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n',
  },
  pressure: {
    'cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    'memory.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    'io.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  },
  cpu: { 'cpu.weight': '100\n', 'cpu.max': 'max 100000\n', 'cpu.max.burst': '0\n' },
  cpuset: { 'cpuset.cpus': '\n', 'cpuset.cpus.effective': '0-3\n' },
  io: { 'io.weight': 'default 100\n', 'io.max': '', 'io.stat': '' },
  hugetlb: { 'hugetlb.2MB.max': 'max\n' },
  memory: {
    'memory.current': '0\n', 'memory.peak': '0\n', 'memory.max': 'max\n',
    'memory.high': 'max\n', 'memory.low': '0\n', 'memory.swap.max': 'max\n',
    'memory.stat': 'anon 0\nfile 0\nfile_mapped 9\n', 'memory.events': 'low 0\noom 0\noom_kill 0\noom_group_kill 0\n',
  },
  pids: { 'pids.current': '0\n', 'pids.max': 'max\n', 'pids.events': 'max 0\n' },
};

/**
 * A directory that looks like a cgroup file system and behaves like one as far as the code under test can see: new
 * cgroups have their controllers' files, unknown files do not exist, v2 hands controllers down and wants no processes in
 * the middle. No root needed.
 */
export class CgroupFixture implements CgroupFiles {
  readonly root: string = mkdtempSync(join(tmpdir(), 'isolator-cgroups-'));
  /** Every write that was taken, as `path below the root: text`. */
  readonly writes: string[] = [];
  readonly devicePrograms = new Map<string, readonly number[]>();
  readonly signals: number[] = [];
  /** Operations that fail: a path's end, and the errno name. */
  readonly refuse = new Map<string, keyof typeof constants.errno>();
  /** Whether the kernel measures pressure. */
  measuresPressure = true;
  /** Called for each signalled pid; what dies leaves its `cgroup.procs`. */
  onSignal: (pid: number) => void = (pid) => this.end(pid);

  /** Mounts one v1 hierarchy. */
  mountV1(...controllers: string[]): string {
    const mount = join(this.root, controllers.join(','));
    this.#populate(mount, V1_FILES, controllers, { 'cgroup.procs': '' });
    return mount;
  }

  /** Mounts the v2 hierarchy. */
  mountV2(controllers: readonly string[], name = 'unified'): string {
    const mount = join(this.root, name);
    this.#populate(mount, {}, [], v2Core(controllers));
    return mount;
  }

  /** A directory for `readCgroupFacts`. `own`: the lines of /proc/self/cgroup; mounts: [mount point, type, options, root]. */
  proc(own: readonly string[], mounts: readonly FixtureMount[], builtIn: readonly string[] = []): string {
    const proc = join(this.root, 'proc');
    mkdirSync(join(proc, 'self'), { recursive: true });
    const lines = mounts.map(([point, type, options, root = '/'], index) =>
      `${30 + index} 23 0:${index} ${root} ${point.replaceAll(' ', '\\040')} rw,relatime shared:7 - ${type} none rw,${options}`);
    writeFileSync(join(proc, 'self/mountinfo'), ['23 1 0:1 / / rw - ext4 /dev/vda rw', ...lines, ''].join('\n'));
    writeFileSync(join(proc, 'self/cgroup'), [...own, ''].join('\n'));
    writeFileSync(join(proc, 'cgroups'), ['#subsys_name\thierarchy\tnum_cgroups\tenabled', ...builtIn, ''].join('\n'));
    return proc;
  }

  /** What a file holds now, or undefined. */
  value(path: string): string | undefined {
    const file = path.startsWith(this.root) ? path : join(this.root, path);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }

  set(path: string, text: string): void {
    writeFileSync(path.startsWith(this.root) ? path : join(this.root, path), text);
  }

  /** Takes a process out of every cgroup. */
  end(pid: number): void {
    for (const name of readdirSync(this.root, { recursive: true, encoding: 'utf8' })) {
      if (basename(name) !== 'cgroup.procs') continue;
      const file = join(this.root, name);
      writeFileSync(file, readFileSync(file, 'utf8').split('\n').filter((line) => line !== String(pid)).join('\n'));
    }
  }

  removeFixture(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  apply(operations: readonly CgroupOperation[]): void {
    const made: string[] = [];
    try {
      for (const operation of operations) {
        if ('make' in operation) {
          this.#make(operation.make);
          made.push(operation.make);
        } else {
          this.#write(operation.write, operation.text, operation.optional === true);
        }
      }
    } catch (error) {
      this.removeEmpty(made.toReversed());
      throw error;
    }
  }

  read(paths: readonly string[]): (string | number)[] {
    return paths.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : constants.errno.ENOENT));
  }

  list(directory: string): string[] {
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  processes(directories: readonly string[]): number[] {
    const pids = directories.flatMap((directory) => [
      ...(this.value(`${directory}/cgroup.procs`) ?? '').split('\n').filter((line) => line !== '').map(Number),
      ...this.processes(this.list(directory).map((name) => `${directory}/${name}`)),
    ]);
    return [...new Set(pids)].sort((left, right) => left - right);
  }

  signal(directories: readonly string[]): number[] {
    const pids = this.processes(directories);
    for (const pid of pids) {
      this.signals.push(pid);
      this.onSignal(pid);
    }
    return pids;
  }

  remove(directories: readonly string[]): RemainingCgroup[] {
    return directories.flatMap((directory) => [
      ...this.remove(this.list(directory).map((name) => `${directory}/${name}`)),
      ...this.removeEmpty([directory]),
    ]);
  }

  removeEmpty(directories: readonly string[]): RemainingCgroup[] {
    return directories.flatMap((path) => {
      if (this.list(path).length > 0 || this.processes([path]).length > 0) return [{ path, errno: constants.errno.EBUSY }];
      rmSync(path, { recursive: true, force: true });
      return [];
    });
  }

  openOomEvents(directory: string): number {
    throw failure('ENOTSUP', 'watch memory', 'eventfd', directory);
  }

  setDeviceProgram(directory: string, rules: readonly number[]): void {
    this.#refuse(`${directory}/bpf`, 'attach device program to cgroup', 'bpf');
    this.devicePrograms.set(directory, rules);
  }

  #make(path: string): void {
    this.#refuse(path, 'create cgroup', 'mkdir');
    const parent = dirname(path);
    if (existsSync(path)) throw failure('EEXIST', 'create cgroup', 'mkdir', path);
    if (!existsSync(parent)) throw failure('ENOENT', 'create cgroup', 'mkdir', path);
    const handedDown = this.value(`${parent}/cgroup.subtree_control`);
    if (handedDown === undefined) {
      this.#populate(path, V1_FILES, path.slice(this.root.length + 1).split('/')[0]!.split(','), { 'cgroup.procs': '' });
      if (this.value(`${parent}/cgroup.clone_children`) === '1') {
        for (const file of ['cpuset.cpus', 'cpuset.mems', 'cgroup.clone_children']) this.set(`${path}/${file}`, `${this.value(`${parent}/${file}`)}\n`);
      }
    } else {
      const controllers = handedDown.split(' ').filter((name) => name !== '');
      const all = ['', ...(this.measuresPressure ? ['pressure'] : []), ...controllers];
      this.#populate(path, V2_FILES, all, { ...v2Core(controllers), 'cgroup.type': 'domain\n' });
    }
  }

  #write(path: string, text: string, optional: boolean): void {
    this.#refuse(path, `write "${text}" to`, 'write');
    if (!existsSync(path)) {
      if (optional) return;
      throw failure('ENOENT', `write "${text}" to`, 'write', path);
    }
    if (basename(path) === 'cgroup.subtree_control') this.#handDown(path, text);
    else if (basename(path) === 'cgroup.procs') this.#join(path, Number(text));
    else writeFileSync(path, `${text}\n`);
    this.writes.push(`${path.slice(this.root.length + 1)}: ${text}`);
  }

  #join(path: string, pid: number): void {
    this.end(pid);
    writeFileSync(path, `${readFileSync(path, 'utf8')}${pid}\n`);
  }

  #handDown(path: string, text: string): void {
    const directory = dirname(path);
    if (this.value(`${directory}/cgroup.type`) !== undefined && this.value(`${directory}/cgroup.procs`) !== '') {
      throw failure('EBUSY', `write "${text}" to`, 'write', path);
    }
    const enabled = new Set((this.value(path) ?? '').split(' ').filter((name) => name !== ''));
    for (const word of text.split(' ')) {
      if (word.startsWith('+')) enabled.add(word.slice(1));
      else enabled.delete(word.slice(1));
    }
    writeFileSync(path, `${[...enabled].join(' ')}\n`);
  }

  #refuse(path: string, step: string, syscall: string): void {
    for (const [end, code] of this.refuse) if (path.endsWith(end)) throw failure(code, step, syscall, path);
  }

  #populate(path: string, files: Readonly<Record<string, FileTexts>>, controllers: readonly string[], own: FileTexts): void {
    mkdirSync(path, { recursive: true });
    const all = Object.assign({}, own, ...controllers.map((name) => files[name] ?? {})) as Record<string, string>;
    for (const [name, text] of Object.entries(all)) writeFileSync(join(path, name), text);
  }
}

function v2Core(controllers: readonly string[]): FileTexts {
  return { 'cgroup.procs': '', 'cgroup.controllers': `${controllers.join(' ')}\n`, 'cgroup.subtree_control': '\n' };
}

function failure(code: keyof typeof constants.errno, step: string, syscall: string, path: string): IsolatorError {
  return new IsolatorError(`${step} ${path}: ${code}`, { code, errno: constants.errno[code], step, syscall, path });
}
