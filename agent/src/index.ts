export { runAgent, startAgent } from './main.js';
export {
  DEFAULT_AGENT_HTTP_HOST,
  DEFAULT_AGENT_HTTP_PORT,
  type AgentEnd,
  type AgentOptions,
  type RunningAgent,
} from './options.js';
export { declaredResources, DEFAULT_PORTS, detectResources } from './resources.js';
