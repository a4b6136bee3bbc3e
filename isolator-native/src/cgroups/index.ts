export { openCgroupTree } from './tree.js';
