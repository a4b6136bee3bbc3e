export { Registry, REGISTRY_FORMAT } from './registry.js';
export { changeOf, operationOf, Records } from './records.js';
