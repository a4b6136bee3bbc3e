/** What the operator decides about networks. */
export interface NetworkOptions {
  /** Where networks are described, one `*.conf` or `*.conflist` file each; default `/etc/cni/net.d`. */
  readonly cniConfigDir?: string;
  /** Where the plugins are, several directories separated by colons; default `/usr/lib/cni:/opt/cni/bin`. */
  readonly cniPluginDir?: string;
  /** IPv4 subnet of this agent's own network `bridge`, `10.88.7.0/24`; default: one of 10.88.0.0/16 that nothing here uses. */
  readonly bridgeSubnet?: string;
  /** Namespaces kept ready on the network `bridge` once it is used, 0 to 64; default {@link READY_NAMESPACES_DEFAULT}. */
  readonly readyNamespaces?: number;
  /** What becomes of a task in the agent's own network that listens on a port it was not given; default `report`. */
  readonly portEnforcement?: 'off' | 'report' | 'kill';
}

export const CNI_CONFIG_DIRECTORY = '/etc/cni/net.d';
export const CNI_PLUGIN_DIRECTORY = '/usr/lib/cni:/opt/cni/bin';

/** A burst of so many starts finds its networks made; each costs some 100 KiB of kernel memory and an address. */
export const READY_NAMESPACES_DEFAULT = 4;

export const READY_NAMESPACES_MAX = 64;
