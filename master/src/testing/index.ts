/** An in-memory cluster for the tests of framework authors: the real master core, simulated agents, a virtual clock. */
export { createCluster, TestCluster, type AgentOptions, type ClusterOptions } from './cluster.js';
export { SimulatedAgent, type ReceivedMessage } from './simulated-agent.js';
export { type Behaviour, type Ending, type SimulatedTask } from './simulated-task.js';
