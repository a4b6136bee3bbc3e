const packages = ['sdk', 'isolator-native', 'master', 'agent', 'frameworks/*', 'cli', 'bench', 'examples/*'];

/** Unit tests, the simulator and one end-to-end run; `ava.system.config.js` has the rest. Worker threads and zeromq do not go together. */
export default {
  files: [...packages.map((name) => `${name}/dist/**/*.test.js`), '!**/*.system.test.js'],
  workerThreads: false,
  concurrency: 2,
  timeout: '120s',
};
