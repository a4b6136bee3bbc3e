/**
 * A containerizer in a process of its own, for tests that kill it or that run it as somebody else:
 * `node agent-process.test-helper.js OPTIONS`, JSON `{agentName, workDir, specs}`. Prints every event as a line of JSON;
 * `{type: 'ready'}` is the first.
 */
import { createContainerizer } from './index.js';
import type { ContainerSpec } from './types.js';

interface Options {
  readonly agentName: string;
  readonly workDir: string;
  readonly specs: readonly ContainerSpec[];
}

const { agentName, workDir, specs }: Options = JSON.parse(process.argv[2] ?? '');
const print = (event: object): boolean => process.stdout.write(`${JSON.stringify(event)}\n`);
const ended = new Set<string>();

const containerizer = createContainerizer({
  agentName,
  workDir,
  onWarning: (message) => print({ type: 'warning', message }),
  handlers: {
    onProgress: (id, message) => print({ type: 'progress', id, message }),
    onStarted: (id, pid, ipAddresses) => print({ type: 'started', id, pid, ipAddresses }),
    onFailed: (id, failure) => end(id, { type: 'failed', id, failure }),
    onExited: (id, exit) => end(id, { type: 'exited', id, exit }),
  },
});
// Containers do not keep an agent's process alive; this does.
const alive = setInterval(() => undefined, 60_000);

print({ type: 'ready', mode: containerizer.mode, missing: containerizer.missing.map(({ feature }) => feature) });
await containerizer.recover([]);
for (const spec of specs) containerizer.launch(spec);

function end(id: string, event: object): void {
  print(event);
  ended.add(id);
  containerizer.forget(id);
  if (ended.size < specs.length) return;
  clearInterval(alive);
  void containerizer.close();
}
