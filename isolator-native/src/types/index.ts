export * from './attach.js';
export * from './cgroups.js';
export * from './container.js';
export * from './errors.js';
export * from './exec.js';
export * from './probe.js';
export * from './seccomp.js';
export * from './spec.js';
