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
  UserNamespaceSpec,
} from '@proffer/isolator-native';

/** All that the containerizer asks of the kernel, so that tests can stand in for it. */
export interface NativeLayer {
  probe(): ProbeResult;
  openCgroupTree(options: CgroupTreeOptions): CgroupTree;
  launch(spec: LaunchSpec): Promise<Container>;
  recover(runtimeDir: string, options?: RecoverOptions): Promise<Container>;
  execIn(container: Container, spec: ExecSpec): Promise<ExecResult>;
  ownUserNamespace(): UserNamespaceSpec;
  readonly defaultCapabilities: readonly CapabilityName[];
  readonly defaultDeviceRules: readonly DeviceRule[];
}
