import { realpathSync } from 'node:fs';

/** Daemons that start containers or programs as root for whoever may talk to them. */
const NAMES = [
  'buildkit', 'containerd', 'crio', 'dbus', 'docker', 'docker.sock', 'dockershim.sock', 'incus', 'k3s', 'libpod', 'libvirt',
  'lxd', 'podman', 'snapd.socket', 'systemd/private',
];

const STORES = ['/var/lib/containerd', '/var/lib/containers', '/var/lib/docker', '/var/lib/kubelet'];

/**
 * Paths through which a task could take over the machine or other containers, whatever groups its user is in. They may
 * appear after the agent's start, so none is looked for; only where /var/run is /run the doubles are left out.
 */
export function runtimeSockets(): string[] {
  const directories = real('/var/run') === real('/run') ? ['/run'] : ['/run', '/var/run'];
  return [...directories.flatMap((directory) => NAMES.map((name) => `${directory}/${name}`)), ...STORES];
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
