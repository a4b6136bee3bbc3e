export { AgentCore } from './core.js';
export { changesOf, stateOf, type Records } from './records.js';
export { sandboxOf } from './specs.js';
export * from './types.js';
export type { ContainerExit, ContainerFailure, ContainerSpec } from '../containerizer/types.js';
