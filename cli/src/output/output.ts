/** Where a command writes. Standard output has the answer only; everything said beside it goes to standard error. */
export interface Output {
  /** Columns of the terminal; Infinity when the answer goes elsewhere and is not cut. */
  readonly width: number;
  write(text: string): void;
  note(text: string): void;
}

/** The process's own. */
export function processOutput(): Output {
  // A reader that has seen enough (`| head`) is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  return {
    width: process.stdout.isTTY ? process.stdout.columns : Infinity,
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  };
}

/** An answer as JSON, two spaces deep, as the only thing on standard output. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
