import type { Pressure } from '../types/cgroups.js';
import type { ControllerSide } from './controller.js';
import { textOf } from './parse.js';

/** A file that every v2 cgroup has where the kernel measures pressure. */
export const PRESSURE_FILE = 'cpu.pressure';

/** The pressure files: nothing to limit. */
export const pressureSide: ControllerSide = {
  initial: () => [],
  update: () => {},
  usageFiles: [PRESSURE_FILE, 'memory.pressure', 'io.pressure'],
  parseUsage: ([cpu, memory, io]) => ({
    pressure: { cpu: parse(textOf(cpu)), memory: parse(textOf(memory)), io: parse(textOf(io)) },
  }),
};

/** Lines of `some avg10=0.12 avg60=0.04 avg300=0.01 total=2345`; kernels before 5.13 have no `full` for the processor. */
function parse(text: string): Pressure {
  const [some, full] = [lineOf(text, 'some'), lineOf(text, 'full')];
  return { someUs: some.total, fullUs: full.total, somePercent: some.percent, fullPercent: full.percent };
}

function lineOf(text: string, kind: 'some' | 'full'): { readonly total: number; readonly percent: number } {
  const [, percent = 0, total = 0] = new RegExp(`^${kind} avg10=([\\d.]+) .*total=(\\d+)$`, 'm').exec(text) ?? [];
  return { total: Number(total), percent: Number(percent) };
}
