export { startMarathon, type MarathonOptions, type RunningMarathon } from './main.js';
