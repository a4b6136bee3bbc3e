/** What a client of a container's streams is told. */
export interface AttachHandlers {
  /** A piece of output, in order. Everything of a terminal is `stdout`. */
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void;
  /** What was written has been taken: `write` may go on after it gave false. */
  onDrain?(): void;
}

/** Options of `attach`. */
export interface AttachOptions extends AttachHandlers {
  /** How much of the newest output to hear first, at most 64 KiB. Default 0. */
  readonly replayBytes?: number;
  /** Default true. False: only to write, resize and close the input. */
  readonly output?: boolean;
  /**
   * Default false: a client that takes no output is dropped once its buffer was full for 2 s in all, and only so long can the
   * task be held up by it. True: the task waits for it.
   */
  readonly patient?: boolean;
}

/**
 * Why an attachment is over: the container or command ended and all its output was told; this side left; the other side
 * closed it (too slow, at fault, or the launcher was killed).
 */
export type AttachmentEnd = 'ended' | 'detached' | 'dropped';

/** One client of a container's streams. Does not keep the event loop alive by itself where the container does not. */
export interface Attachment {
  readonly terminal: boolean;
  /** Whether the container keeps its standard input for those who attach; else what is written goes nowhere. */
  readonly stdin: boolean;
  /** Never rejects. */
  readonly closed: Promise<AttachmentEnd>;
  /** Input for the task. False: wait for `onDrain` before more. */
  write(bytes: Uint8Array): boolean;
  /** After all that was written: the task reads the end of its input. In a terminal that is Ctrl-D. */
  closeInput(): void;
  /** Of a terminal; else nothing happens. */
  resize(columns: number, rows: number): void;
  /** No more output for now; without `patient` not for long. */
  pause(): void;
  resume(): void;
  /** Leaves; the task runs on. */
  detach(): void;
}
