/** What an executor reads from its environment, where the agent puts it. */
export interface ExecutorEnvironment {
  /** Path of the agent's socket, as the executor sees it. */
  readonly socket: string;
  /** Proves to the agent that this process is the executor that it started. */
  readonly token: string;
  readonly frameworkId: string;
  readonly executorId: string;
  readonly agentId: string;
}

const VARIABLES: Record<keyof ExecutorEnvironment, readonly string[]> = {
  socket: ['PROFFER_EXECUTOR_SOCKET', 'MESOS_DOMAIN_SOCKET'],
  token: ['PROFFER_EXECUTOR_TOKEN'],
  frameworkId: ['MESOS_FRAMEWORK_ID'],
  executorId: ['MESOS_EXECUTOR_ID'],
  agentId: ['MESOS_AGENT_ID'],
};

/** Reads it. Throws Error naming the variable that is missing: then the process was not started by an agent. */
export function readExecutorEnvironment(variables: Readonly<Record<string, string | undefined>>): ExecutorEnvironment {
  const read = (field: keyof ExecutorEnvironment): string => {
    const value = VARIABLES[field].map((name) => variables[name]).find((found) => found !== undefined && found !== '');
    if (value !== undefined) return value;
    throw new Error(`an executor is started by an agent, which sets ${VARIABLES[field].join(' or ')}; it is not set here`);
  };
  return {
    socket: read('socket'),
    token: read('token'),
    frameworkId: read('frameworkId'),
    executorId: read('executorId'),
    agentId: read('agentId'),
  };
}
