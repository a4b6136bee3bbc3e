export { Allocator, type Allocated } from './allocator.js';
export type { Grant, GrantAnswer, ShareView } from './types.js';
