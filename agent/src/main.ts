import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseAttributes, resources, type AgentInfo, type Resources } from '@proffer/sdk/model';
import { checkBind, createLogger, isLoopback, openStore, runService, type Logger } from '@proffer/sdk/service';
import { zmqOpener } from '@proffer/sdk/transport';
import { Cleanup } from './cleanup.js';
import { Collector, DEFAULT_COLLECTOR_OPTIONS } from './collector.js';
import { createContainerizer, type MachineContainerizer } from './containerizer/index.js';
import { AgentCore } from './core/core.js';
import { stateOf } from './core/records.js';
import { DEFAULT_AGENT_CORE_CONFIG, type AgentInput, type AgentView } from './core/types.js';
import { executorSocketPath, listenForExecutors } from './executors/socket.js';
import { Prober } from './health/prober.js';
import { createAgentHttp, listen, notReady } from './http/server.js';
import { DEFAULT_AGENT_HTTP_HOST, DEFAULT_AGENT_HTTP_PORT, type AgentOptions, type RunningAgent } from './options.js';
import { declaredResources, detectResources } from './resources.js';
import { Sandboxes } from './sandboxes.js';
import { Shell } from './shell.js';
import { steadyClock } from './steady-clock.js';

/** Starts the agent of this machine: opens its store, finds what an earlier run left, and registers with the master. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const log = options.log ?? createLogger({ name: 'agent' });
  const cleanup = new Cleanup();
  try {
    return await start(options, log, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/**
 * Runs the agent as this process. SIGTERM and SIGINT end the process and leave the containers running; SIGUSR1 ends the
 * tasks first, waits a bounded time until that is acknowledged, and then ends the process.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const log = options.log ?? createLogger({ name: 'agent' });
  await runService(
    async () => {
      const agent = await startAgent({
        ...options,
        log,
        onEnd: (end) => {
          options.onEnd?.(end);
          log[end.reason === 'stopTasks' ? 'info' : 'error'](end, 'the agent has nothing more to do');
          // What is stopped by an operator ends well; anything else should be seen by whoever watches the process.
          void agent.close().finally(() => process.exit(end.reason === 'stopTasks' ? 0 : 1));
        },
      });
      process.on('SIGUSR1', () => void agent.stopTasks());
      return agent;
    },
    { log },
  );
}

async function start(options: AgentOptions, log: Logger, cleanup: Cleanup): Promise<RunningAgent> {
  const host = options.httpHost ?? DEFAULT_AGENT_HTTP_HOST;
  checkBind(host, options.insecure === true);
  mkdirSync(options.workDir, { recursive: true, mode: 0o711 });
  const workDir = realpathSync(options.workDir);
  const described = await describe(options, workDir, host);
  const store = await openStore(join(workDir, 'store'));
  cleanup.add(() => store.close());

  // The parts know one another only by what is said here: the core is made last, once the address is known.
  let core: AgentCore | undefined;
  let shell: Shell | undefined;
  const input = (event: AgentInput): void => shell?.input(event);
  const view = (): AgentView => {
    if (core === undefined) throw notReady();
    return core.view();
  };

  const containerizer = createContainers(options, workDir, log, input);
  cleanup.add(() => containerizer.close());
  const prober = new Prober(containerizer);
  cleanup.add(() => prober.close());
  const sandboxes = new Sandboxes(join(workDir, 'sandboxes'), log);
  const http = createAgentHttp({
    version: options.version,
    sandboxRoot: sandboxes.root,
    workDir,
    isolation: containerizer,
    log,
    clock: steadyClock,
    sandboxes,
    view,
    task: (frameworkId, taskId) => core?.task(frameworkId, taskId),
    usage: (containerId) => containerizer.usage(containerId),
  });
  cleanup.add(() => http.close());
  const httpAddress = await listen(http, host, options.httpPort, DEFAULT_AGENT_HTTP_PORT);

  const executorSocket = executorSocketPath(workDir);
  const config = {
    ...DEFAULT_AGENT_CORE_CONFIG,
    ...options.core,
    sandboxRoot: sandboxes.root,
    executorSocket,
    newId: () => randomUUID(),
  };
  const state = stateOf(store.entries(''));
  core = new AgentCore({ ...config, info: { ...described, httpAddress } }, state, steadyClock.now());
  const { agentId } = core;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  shell = new Shell({
    core,
    store,
    containerizer,
    prober,
    sandboxes,
    clock: steadyClock,
    log,
    onStopped: (reason) => {
      end();
      options.onEnd?.({ reason });
    },
    onFailure: (error) => {
      log.fatal({ err: error }, 'the store refuses to write; containers run on, and this agent must be started again');
      end();
      options.onEnd?.({ reason: 'failed', error });
    },
  });
  cleanup.add(() => shell.close());
  await connect(options, shell, executorSocket, log);
  const collector = startCollector(options, sandboxes, log, view);
  cleanup.add(() => collector.close());
  log.info({ agentId, httpAddress, isolation: containerizer.mode }, 'agent started');

  return {
    agentId,
    httpAddress,
    isolation: containerizer,
    view,
    stopTasks: () => {
      input({ type: 'stopTasks' });
      return ended;
    },
    close: () => cleanup.run(),
  };
}

/** What this machine has and how it is reached; the address is not known yet. */
async function describe(options: AgentOptions, workDir: string, host: string): Promise<AgentInfo> {
  const detected = { ...(await detectResources(workDir)), ...resourcesOfGpus(options.containers?.gpus) };
  return {
    hostname: options.hostname ?? (isLoopback(host) ? '127.0.0.1' : machineName()),
    httpAddress: '',
    resources: options.resources === undefined ? detected : declaredResources(options.resources, detected),
    attributes: parseAttributes(options.attributes ?? ''),
    version: options.version,
  };
}

/** GPUs that the operator named are the agent's, whatever else is detected. */
function resourcesOfGpus(nodes: readonly string[] = []): Pick<Resources, 'gpus'> {
  return { gpus: resources({ gpus: nodes.length }).gpus };
}

function createContainers(
  options: AgentOptions,
  workDir: string,
  log: Logger,
  input: (input: AgentInput) => void,
): MachineContainerizer {
  return (options.createContainerizer ?? createContainerizer)({
    ...options.containers,
    agentName: `agent-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`,
    workDir,
    runDir: join(workDir, 'run', 'containers'),
    handlers: {
      onProgress: (containerId, message) => input({ type: 'containerProgress', containerId, message }),
      onStarted: (containerId, pid, ipAddresses) => {
        input({ type: 'containerStarted', containerId, pid, ...(ipAddresses === undefined ? {} : { ipAddresses }) });
      },
      onFailed: (containerId, failure) => input({ type: 'containerFailed', containerId, failure }),
      onExited: (containerId, exit) => input({ type: 'containerExited', containerId, exit }),
    },
    onWarning: (message) => log.warn(message),
  });
}

/** Executors can come as soon as their containers are looked for; the master hears of this agent once all is found. */
async function connect(options: AgentOptions, shell: Shell, executorSocket: string, log: Logger): Promise<void> {
  const warn = (text: string): void => log.warn(text);
  const executors = await listenForExecutors(
    executorSocket,
    {
      onMessages: (peer, messages) => {
        for (const message of messages) shell.input({ type: 'executorMessage', peer, message });
      },
      onClosed: (peer) => shell.input({ type: 'executorClosed', peer }),
    },
    warn,
  );
  shell.useExecutors(executors);
  await shell.start();
  const { master } = options;
  const open = typeof master === 'string' ? zmqOpener<'agent'>({ endpoint: master, kind: 'agent', warn }) : master;
  shell.useMaster(
    open({
      onOpen: () => shell.input({ type: 'sessionOpened' }),
      onMessages: (messages) => {
        for (const message of messages) shell.input({ type: 'message', message });
      },
      onClosed: (code, message) => {
        log.warn({ code }, `the session with the master ended: ${message}`);
        shell.input({ type: 'sessionClosed' });
      },
    }),
  );
}

function startCollector(options: AgentOptions, sandboxes: Sandboxes, log: Logger, view: () => AgentView): Collector {
  const alive = (): ReadonlySet<string> => {
    const { tasks, executors } = view();
    return new Set([...tasks.filter((task) => !task.ended), ...executors].map(({ containerId }) => containerId));
  };
  const collector = new Collector(sandboxes.root, { ...DEFAULT_COLLECTOR_OPTIONS, ...options.garbage }, steadyClock, log, alive);
  collector.start();
  return collector;
}
