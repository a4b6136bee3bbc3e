import { readFileSync } from 'node:fs';

/** Version of the command line, as `--version` tells it. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
