/** One kind of processor: how its calls are numbered. */
export interface CallTable {
  /** AUDIT_ARCH_*. */
  readonly architecture: number;
  /** From here on numbers belong to another calling convention of the same machine. */
  readonly foreignFrom: number | undefined;
  readonly numbers: Readonly<Partial<Record<string, number>>>;
}

/** Calls newer than this are not known here; since 424 all machines number new calls alike. */
export const NEWEST_CALL = 469;

/** The same on every machine. */
const common = {
  io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431,
  fsmount: 432, fspick: 433, clone3: 435, mount_setattr: 442, quotactl_fd: 443, set_mempolicy_home_node: 450, open_tree_attr: 467,
} as const;

/** By Node's name of the machine. Only the calls that a filter treats specially. */
export const callTables: Readonly<Partial<Record<string, CallTable>>> = {
  x64: {
    architecture: 0xc000_003e,
    // x32, whose numbers carry this bit.
    foreignFrom: 0x4000_0000,
    numbers: {
      ...common,
      socket: 41, clone: 56, syslog: 103, uselib: 134, personality: 135, ustat: 136, sysfs: 139, vhangup: 153, pivot_root: 155,
      _sysctl: 156, acct: 163, settimeofday: 164, mount: 165, umount2: 166, swapon: 167, swapoff: 168, reboot: 169, iopl: 172,
      ioperm: 173, create_module: 174, init_module: 175, delete_module: 176, get_kernel_syms: 177, query_module: 178,
      quotactl: 179, nfsservctl: 180, lookup_dcookie: 212, clock_settime: 227, mbind: 237, set_mempolicy: 238, get_mempolicy: 239,
      kexec_load: 246, add_key: 248, request_key: 249, keyctl: 250, migrate_pages: 256, unshare: 272, move_pages: 279,
      perf_event_open: 298, fanotify_init: 300, open_by_handle_at: 304, clock_adjtime: 305, setns: 308, kcmp: 312,
      finit_module: 313, kexec_file_load: 320, bpf: 321, userfaultfd: 323,
    },
  },
  arm64: {
    architecture: 0xc000_00b7,
    foreignFrom: undefined,
    numbers: {
      ...common,
      lookup_dcookie: 18, umount2: 39, mount: 40, pivot_root: 41, nfsservctl: 42, vhangup: 58, quotactl: 60, acct: 89,
      personality: 92, unshare: 97, kexec_load: 104, init_module: 105, delete_module: 106, clock_settime: 112, syslog: 116,
      reboot: 142, settimeofday: 170, socket: 198, add_key: 217, request_key: 218, keyctl: 219, clone: 220, swapon: 224,
      swapoff: 225, mbind: 235, get_mempolicy: 236, set_mempolicy: 237, migrate_pages: 238, move_pages: 239, perf_event_open: 241,
      fanotify_init: 262, open_by_handle_at: 265, clock_adjtime: 266, setns: 268, kcmp: 272, finit_module: 273, bpf: 280,
      userfaultfd: 282, kexec_file_load: 294,
    },
  },
};

/** Refused to all: they have no use in a container, or reach what is not the container's (kernel keys, other tasks' memory). */
export const alwaysRefused: readonly string[] = [
  'add_key', 'keyctl', 'request_key', 'userfaultfd', 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'swapon', 'swapoff',
  'create_module', 'get_kernel_syms', 'query_module', 'nfsservctl', 'uselib', 'ustat', 'sysfs', '_sysctl',
];

/** Refused unless the task has the capability; the kernel then decides whether it is good for the thing asked. */
export const refusedWithout: Readonly<Record<string, readonly string[]>> = {
  SYS_ADMIN: [
    'mount', 'umount2', 'pivot_root', 'setns', 'unshare', 'open_tree', 'open_tree_attr', 'move_mount', 'fsopen', 'fsconfig',
    'fsmount', 'fspick', 'mount_setattr', 'quotactl', 'quotactl_fd', 'fanotify_init', 'lookup_dcookie',
  ],
  SYS_BOOT: ['reboot', 'kexec_load', 'kexec_file_load'],
  SYS_MODULE: ['init_module', 'finit_module', 'delete_module'],
  SYS_RAWIO: ['iopl', 'ioperm'],
  SYS_TIME: ['settimeofday', 'clock_settime', 'clock_adjtime'],
  SYS_PACCT: ['acct'],
  SYS_TTY_CONFIG: ['vhangup'],
  SYS_PTRACE: ['kcmp'],
  SYS_NICE: ['mbind', 'set_mempolicy', 'get_mempolicy', 'migrate_pages', 'move_pages', 'set_mempolicy_home_node'],
  SYSLOG: ['syslog'],
  BPF: ['bpf'],
  PERFMON: ['perf_event_open'],
  DAC_READ_SEARCH: ['open_by_handle_at'],
};
