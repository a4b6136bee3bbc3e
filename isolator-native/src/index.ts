export * from './types/index.js';
export { openCgroupTree } from './cgroups/index.js';
export * from './defaults.js';
export { probe } from './probe.js';
export { execIn } from './exec.js';
export { launch } from './launch.js';
export { recover } from './recover.js';
export { ownUserNamespace } from './user-namespace.js';
