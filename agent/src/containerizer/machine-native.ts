import {
  capabilityNames,
  compileSeccomp,
  defaultCapabilities,
  defaultDeviceRules,
  defaultSeccomp,
  execIn,
  launch,
  makeNetworkNamespace,
  openCgroupTree,
  ownUserNamespace,
  probe,
  recover,
  removeBridge,
  removeNetworkNamespace,
} from '@proffer/isolator-native';
import type { NativeLayer } from './native.js';

/** The kernel of this machine. */
export function machineNative(): NativeLayer {
  return {
    probe,
    openCgroupTree,
    launch,
    recover,
    makeNetworkNamespace,
    removeNetworkNamespace,
    removeBridge,
    execIn,
    ownUserNamespace,
    defaultSeccomp,
    compileSeccomp,
    capabilityNames,
    defaultCapabilities,
    defaultDeviceRules,
  };
}
