export { createContainerizer } from './create-native.js';
export type { ContainerizerOptions, MachineContainerizer } from './options.js';
export type * from './types.js';
