import {
  defaultCapabilities,
  defaultDeviceRules,
  execIn,
  launch,
  openCgroupTree,
  ownUserNamespace,
  probe,
  recover,
} from '@proffer/isolator-native';
import type { NativeLayer } from './native.js';

/** The kernel of this machine. */
export function machineNative(): NativeLayer {
  return {
    probe,
    openCgroupTree,
    launch,
    recover,
    execIn,
    ownUserNamespace,
    defaultCapabilities,
    defaultDeviceRules,
  };
}
