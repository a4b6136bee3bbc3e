import unit from './ava.config.js';

/** What needs the kernel, root, servers or much time. One file at a time: several change the machine's state. */
export default {
  ...unit,
  files: unit.files.filter((pattern) => !pattern.startsWith('!')).map((pattern) => pattern.replace('.test.js', '.system.test.js')),
  concurrency: 1,
  timeout: '300s',
};
