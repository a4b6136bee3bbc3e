import type {
  CapabilityName,
  CgroupTree,
  CgroupTreeOptions,
  Container,
  DeviceRule,
  ExecResult,
  ExecSpec,
  LaunchSpec,
  ProbeResult,
  RecoverOptions,
  SeccompProfile,
  SeccompSurroundings,
  UserNamespaceSpec,
} from '@proffer/isolator-native';

import type { NetworkNative } from '../network/index.js';

/** All that the containerizer asks of the kernel, so that tests can stand in for it. */
export interface NativeLayer extends NetworkNative {
  probe(): ProbeResult;
  openCgroupTree(options: CgroupTreeOptions): CgroupTree;
  launch(spec: LaunchSpec): Promise<Container>;
  recover(runtimeDir: string, options?: RecoverOptions): Promise<Container>;
  execIn(container: Container, spec: ExecSpec): Promise<ExecResult>;
  ownUserNamespace(): UserNamespaceSpec;
  defaultSeccomp(surroundings: SeccompSurroundings): Uint8Array;
  compileSeccomp(profile: SeccompProfile, surroundings: SeccompSurroundings): Uint8Array;
  readonly capabilityNames: readonly CapabilityName[];
  readonly defaultCapabilities: readonly CapabilityName[];
  readonly defaultDeviceRules: readonly DeviceRule[];
}
