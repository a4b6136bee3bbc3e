import process from 'node:process';
import { processOutput } from './output/output.js';
import { run } from './program.js';

const output = processOutput();
process.exitCode = await run(process.argv.slice(2), { output, now: () => Date.now() });
