/**
 * A caller in a process of its own, for tests that kill it or take its rights: launches the spec given as JSON, writes one
 * JSON line, and then stays (`stay`) or waits for the container's end and writes its status too (`wait`).
 */
import { launch } from '../launch.js';
import { execIn } from '../exec.js';
import type { Container, LaunchSpec } from '../types/index.js';
import { ownUserNamespace } from '../user-namespace.js';

const [mode = 'wait', text = '{}'] = process.argv.slice(2);
type Order = LaunchSpec & { readonly ownUser?: boolean; readonly probe?: readonly string[] };
const { ownUser = false, probe, ...rest } = JSON.parse(text) as Order;
const spec: LaunchSpec = ownUser ? { ...rest, namespaces: { ...rest.namespaces, user: ownUserNamespace() } } : rest;

let container: Container | undefined;
try {
  container = await launch(spec);
  console.log(JSON.stringify({ pid: container.pid, initPid: container.initPid }));
  if (probe !== undefined) {
    const result = await execIn(container, { argv: probe, captureBytes: 4096, ...(spec.env && { env: spec.env }) });
    console.log(JSON.stringify({ ...result, stdout: result.stdout?.toString(), stderr: result.stderr?.toString() }));
  }
  if (mode === 'stay') {
    setInterval(() => {}, 1000);
  } else {
    container.ref();
    console.log(JSON.stringify(await container.exited));
  }
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
  await container?.destroy();
}
