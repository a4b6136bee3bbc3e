/** An agent as a process of its own, for tests that kill it: `node agent-process.test-helper.js OPTIONS`, in JSON. */
import process from 'node:process';
import { runAgent, type AgentOptions } from './index.js';

const options = JSON.parse(process.argv[2] ?? '') as AgentOptions;
await runAgent(options);
