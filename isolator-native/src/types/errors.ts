/** What went wrong, in machine-readable form: see {@link IsolatorError}. */
export interface IsolatorErrorDetails {
  /** An errno name (`ENOENT`, `EPERM`, `EBUSY`, …) or one of `INVALID_SPEC`, `LAUNCHER_DIED`, `LAUNCH_TIMEOUT`, `NOT_BUILT`. */
  readonly code: string;
  /** The positive errno, 0 when the error did not come from the kernel. */
  readonly errno: number;
  /** What was being done, in words: `mount proc`, `join cgroup`, `set user`, `exec`. */
  readonly step: string;
  /** The system call that failed, where one did. */
  readonly syscall?: string;
  /** The file, directory, program or cgroup it was done to. */
  readonly path?: string;
}

/**
 * Every error of this library. The message names what was tried, on what, and why it failed, for example
 * `mount proc on /proc: EPERM, Operation not permitted`; the same facts are in the fields.
 */
export class IsolatorError extends Error implements IsolatorErrorDetails {
  override readonly name = 'IsolatorError';
  readonly code: string;
  readonly errno: number;
  readonly step: string;
  readonly syscall?: string;
  readonly path?: string;

  constructor(message: string, details: IsolatorErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = details.code;
    this.errno = details.errno;
    this.step = details.step;
    if (details.syscall !== undefined) this.syscall = details.syscall;
    if (details.path !== undefined) this.path = details.path;
  }
}
