/** How the command ends, for scripts. */
export const EXIT = {
  OK: 0,
  /** What was asked for failed or was refused. */
  FAILED: 1,
  /** The command line is wrong. */
  USAGE: 2,
  /** Nothing answers at the address. */
  UNREACHABLE: 3,
  /** The thing that was named does not exist. */
  NOT_FOUND: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error for the person at the terminal: what went wrong, and what to do next. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** One line that says what to do next. */
  readonly hint: string | undefined;

  constructor(message: string, options: { readonly exitCode?: ExitCode; readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.FAILED;
    this.hint = options.hint;
  }
}
