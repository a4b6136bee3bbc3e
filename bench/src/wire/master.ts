/** The real master of a run, with a registry in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMaster } from '@proffer/master';
import { createLogger } from '@proffer/sdk/service';
import { tellParent } from './parts.js';

const workDir = mkdtempSync(join(tmpdir(), 'proffer-bench-'));
process.on('exit', () => rmSync(workDir, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

const master = await startMaster({ workDir, log: createLogger({ name: 'master', level: 'error' }), httpPort: 0, zmqPort: 0 });
tellParent({ type: 'listening', endpoint: master.endpoint });
