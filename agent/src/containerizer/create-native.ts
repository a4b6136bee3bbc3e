import type { ContainerizerOptions, MachineContainerizer } from './options.js';
import { assemble } from './create.js';
import { machineNative } from './machine-native.js';

/** The containerizer of this machine. Throws where the options are wrong or the work directory cannot be used. */
export function createContainerizer(options: ContainerizerOptions): MachineContainerizer {
  return assemble(options, machineNative());
}
