import process from 'node:process';
import type { CgroupLayout, ControllerLocation, ControllerName } from '../types/probe.js';
import { IsolatorError } from '../types/errors.js';
import { controllerNames, controllerOf, kernelNameOf, withoutHandingDown } from './controllers.js';
import type { CgroupFiles } from './files.js';
import type { CgroupFacts, Hierarchy } from './mounts.js';
import { holdsOnlyOurs, withoutLeaf } from './own-cgroup.js';
import { textOf } from './parse.js';
import { PRESSURE_FILE } from './pressure.js';

type Locations = Partial<Record<ControllerName, ControllerLocation>>;
type Reasons = Partial<Record<ControllerName, string>>;

/** Where this caller may make cgroups in one hierarchy, or why nowhere. */
type Place = { readonly directory: string } | { readonly reason: string };

/** Where cgroups can be made, by making one (and removing it again) in each hierarchy. */
export function detectLayout(facts: CgroupFacts, files: CgroupFiles): CgroupLayout {
  const controllers: Locations = {};
  const unusable: Reasons = {};
  let unified: string | undefined;
  for (const hierarchy of facts.hierarchies) {
    const names = hierarchy.version === 1 ? known(hierarchy.controllers) : [];
    if (hierarchy.version === 1 && names.length === 0) continue;
    const place = findPlace(hierarchy, files);
    if (hierarchy.version === 2) {
      if ('directory' in place) unified = place.directory;
      locateV2(hierarchy, place, files, controllers, unusable);
    } else {
      for (const name of names) assign(name, place, 1, controllers, unusable);
    }
  }
  for (const name of controllerNames) explainMissing(name, facts, controllers, unusable);
  return { kind: kindOf(facts), controllers, unusable, ...(unified === undefined ? {} : { unified }) };
}

function kindOf({ hierarchies }: CgroupFacts): CgroupLayout['kind'] {
  const v1 = hierarchies.some(({ version, controllers }) => version === 1 && known(controllers).length > 0);
  const v2 = hierarchies.some(({ version }) => version === 2);
  if (v1) return v2 ? 'hybrid' : 'v1';
  return v2 ? 'unified' : 'none';
}

/** The whole hierarchy if it is ours to use (root), else the cgroup this process was given. */
function findPlace({ mountPoint, own }: Hierarchy, files: CgroupFiles): Place {
  const candidates = own === undefined ? [mountPoint] : [...new Set([mountPoint, withoutLeaf(own)])];
  let reason = '';
  for (const directory of candidates) {
    const failure = tryCgroup(directory, files, () => {});
    if (failure === undefined) return { directory };
    reason = failure;
  }
  return { reason };
}

/** Makes a cgroup, does something in it, and removes it. The reason why that failed, if it did. */
function tryCgroup(directory: string, files: CgroupFiles, action: (trial: string) => void): string | undefined {
  const trial = `${directory}/isolator-probe-${process.pid}`;
  try {
    files.remove([trial]);
    files.apply([{ make: trial }]);
    action(trial);
    return undefined;
  } catch (error) {
    if (!(error instanceof IsolatorError)) throw error;
    return error.syscall === 'mkdir' ? `no cgroup can be made in ${directory} (${error.code})` : error.message;
  } finally {
    files.remove([trial]);
  }
}

/** Controllers of the v2 hierarchy that v1 does not have. A core part of v2 needs nothing but the hierarchy. */
function locateV2(hierarchy: Hierarchy, place: Place, files: CgroupFiles, controllers: Locations, unusable: Reasons): void {
  const [offered] = files.read([`${'directory' in place ? place.directory : hierarchy.mountPoint}/cgroup.controllers`]);
  const words = textOf(offered).trim().split(' ');
  const names = controllerNames.filter((name) => words.includes(name) && controllers[name] === undefined && !withoutHandingDown.has(name));
  for (const name of names) {
    const blocked = 'directory' in place ? whyNotEnabled(place.directory, name, files) : undefined;
    assign(name, blocked === undefined ? place : { reason: blocked }, 2, controllers, unusable);
  }
  if (controllers.freezer === undefined) assign('freezer', place, 2, controllers, unusable);
  if (controllers.devices === undefined && unusable.devices === undefined) {
    const attach = (trial: string) => files.setDeviceProgram(trial, []);
    const failure = 'directory' in place ? tryCgroup(place.directory, files, attach) : undefined;
    assign('devices', failure === undefined ? place : { reason: failure }, 2, controllers, unusable);
  }
  assign('pressure', placeOfPressure(place, files), 2, controllers, unusable);
}

/** Pressure files are there only where the kernel measures it, which some distributions leave off. */
function placeOfPressure(place: Place, files: CgroupFiles): Place {
  if ('reason' in place) return place;
  let measured = false;
  const look = (trial: string): void => {
    measured = typeof files.read([`${trial}/${PRESSURE_FILE}`])[0] === 'string';
  };
  const failure = tryCgroup(place.directory, files, look);
  if (failure !== undefined) return { reason: failure };
  return measured ? place : { reason: 'not in this kernel, or switched off (boot with psi=1)' };
}

/** Whether children of this cgroup get the controller: it is enabled already, or can be (which is tried, and taken back). */
function whyNotEnabled(directory: string, name: ControllerName, files: CgroupFiles): string | undefined {
  const control = `${directory}/cgroup.subtree_control`;
  const [enabled] = files.read([control]);
  if (textOf(enabled).trim().split(' ').includes(name)) return undefined;
  try {
    files.apply([{ write: control, text: `+${name}` }]);
    files.apply([{ write: control, text: `-${name}` }]);
    return undefined;
  } catch (error) {
    if (!(error instanceof IsolatorError)) throw error;
    if (error.code !== 'EBUSY') return error.message;
    if (holdsOnlyOurs(directory, files)) return undefined;
    return `${directory} holds processes of other programs, so it cannot hand out controllers`;
  }
}

function assign(name: ControllerName, place: Place, version: 1 | 2, controllers: Locations, unusable: Reasons): void {
  if ('directory' in place) {
    controllers[name] = { version, directory: place.directory };
    delete unusable[name];
  } else if (controllers[name] === undefined) {
    unusable[name] = place.reason;
  }
}

function explainMissing(name: ControllerName, facts: CgroupFacts, controllers: Locations, unusable: Reasons): void {
  const { hierarchies, builtIn } = facts;
  if (controllers[name] !== undefined || unusable[name] !== undefined) return;
  // v2 has its job done by `cpu`.
  if (name === 'cpuacct' && controllers.cpu?.version === 2) return;
  const kernelName = kernelNameOf(name);
  if (builtIn.get(kernelName) === false) unusable[name] = 'switched off on the kernel command line';
  else if (hierarchies.length === 0) unusable[name] = 'no cgroup file system is mounted';
  else if (name === 'pressure') unusable[name] = 'no cgroup v2 file system is mounted';
  else if (builtIn.has(kernelName)) unusable[name] = 'compiled in, but not mounted or not handed down to this cgroup';
  else unusable[name] = 'not in this kernel';
}

function known(names: readonly string[]): ControllerName[] {
  return names.flatMap((name) => controllerOf(name) ?? []);
}
