export { Allocator } from './allocator.js';
export type { Allocated, DemandView, Grant, GrantAnswer, RoleShare } from './types.js';
