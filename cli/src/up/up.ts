import { findApp, listApps, type AppJson } from '../api/marathon.js';
import { readState, type StateJson } from '../api/master.js';
import { marathonService, masterService } from '../context.js';
import { writeJson, type Output } from '../output/output.js';
import { Cluster } from './cluster.js';
import { deployExample, EXAMPLE_DIRECTORY, waitForHealthy } from './example.js';
import { notIsolated } from './not-isolated.js';
import { choosePorts } from './ports.js';
import { aborted } from './signals.js';
import { summarize, summaryText } from './summary.js';
import { WorkDir } from './work-dir.js';

/** How often the logs are looked at whether they have grown too large. */
const LOG_INTERVAL_MS = 60_000;

export interface UpOptions {
  readonly workDir: string;
  readonly host: string;
  readonly insecure: boolean;
  readonly masterPort: number;
  readonly zmqPort: number;
  /** Of the first agent; the others follow. 0 is any free one for each. */
  readonly agentPort: number;
  readonly marathonPort: number;
  readonly agents: number;
  /** What each agent offers, as text; empty for what it finds. */
  readonly agentResources: readonly string[];
  readonly example: boolean;
  readonly logLevel: string;
  readonly json: boolean;
}

/** Runs a whole cluster until the signal, and leaves nothing of it behind but its state. */
export async function up(options: UpOptions, output: Output, signal: AbortSignal): Promise<void> {
  const workDir = await WorkDir.take(options.workDir);
  const cluster = await createCluster(options, workDir, output);
  const rotation = setInterval(() => cluster.parts.forEach((part) => part.rotateLog()), LOG_INTERVAL_MS);
  try {
    const state = await cluster.start(signal);
    if (state !== undefined) await present(options, workDir, cluster, state, output, signal);
    await aborted(signal);
    output.note('stopping\n');
  } finally {
    clearInterval(rotation);
    await cluster.stop();
    workDir.release();
  }
  output.note('everything has stopped; the next "proffer up" runs the same apps again\n');
}

async function createCluster(options: UpOptions, workDir: WorkDir, output: Output): Promise<Cluster> {
  const agentPorts = Array.from({ length: options.agents }, (_, i) => (options.agentPort === 0 ? 0 : options.agentPort + i));
  const [masterPort, zmqPort, marathonPort, ...chosenAgentPorts] = await choosePorts(options.host, [
    { name: 'master', port: options.masterPort, flag: '--master-port' },
    { name: "master's ZeroMQ socket", port: options.zmqPort, flag: '--zmq-port' },
    { name: 'marathon', port: options.marathonPort, flag: '--marathon-port' },
    ...agentPorts.map((port, i) => ({ name: `agent-${i + 1}`, port, flag: '--agent-port' })),
  ]);
  return new Cluster({
    workDir,
    host: options.host,
    insecure: options.insecure,
    masterPort: masterPort!,
    zmqPort: zmqPort!,
    marathonPort: marathonPort!,
    agentPorts: chosenAgentPorts,
    agentResources: options.agentResources,
    publicDirectories: [EXAMPLE_DIRECTORY, workDir.publicDirectory],
    logLevel: options.logLevel,
    onNote: (text) => output.note(`${text}\n`),
  });
}

/** Deploys the example, waits for it, and says what there is. */
async function present(
  options: UpOptions,
  workDir: WorkDir,
  cluster: Cluster,
  state: StateJson,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const marathon = marathonService(cluster.marathonUrl);
  if (options.example) {
    const id = await deployExample(marathon, workDir.publicDirectory);
    const { app, healthy } = await waitForHealthy(marathon, id, signal, (text) => output.note(`${text}\n`));
    if (signal.aborted) return;
    if (!healthy) output.note(`${id} is not healthy yet: ${whyNot(app)}; "proffer tasks --all" and "proffer logs TASK" tell more\n`);
  }
  const found = await Promise.all((await listApps(marathon)).map(({ id }) => findApp(marathon, id)));
  const summary = summarize({
    workDir: options.workDir,
    master: cluster.masterUrl,
    endpoint: cluster.endpoint,
    marathon: cluster.marathonUrl,
    agentAddresses: cluster.agentAddresses,
    state: signal.aborted ? state : await readState(masterService(cluster.masterUrl)),
    apps: found.filter((app) => app !== undefined),
    notIsolated: await notIsolated(cluster.agentAddresses[0]!),
  });
  if (options.json) writeJson(output, summary);
  else output.write(summaryText(summary, output.width));
}

function whyNot(app: AppJson | undefined): string {
  if (app === undefined) return 'it is gone';
  const failure = app.lastTaskFailure?.message;
  return `${app.tasksHealthy ?? 0} of ${app.instances} instances are${failure === undefined ? '' : `, the last one that failed said "${failure}"`}`;
}
