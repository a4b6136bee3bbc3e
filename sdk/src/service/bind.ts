/** Hosts that only this machine reaches: 127.0.0.0/8, ::1 and the name for them. */
const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|::1|\[::1\]|::ffff:127(?:\.\d{1,3}){3})$/i;

/**
 * Refuses to listen on anything wider than loopback unless the operator said `--insecure`.
 *
 * `address` is a host, `host:port`, a URL of either (`tcp://127.0.0.1:5060`), or a path or URL of a unix socket. Throws
 * RangeError naming the address.
 */
export function checkBind(address: string, insecure: boolean): void {
  if (insecure || isLoopback(address)) return;
  throw new RangeError(
    `"${address}" is reachable from other machines and nothing here asks who is calling: ` +
      'listen on 127.0.0.1, or say --insecure if the network itself is trusted',
  );
}

/** True for addresses that no other machine can reach. */
export function isLoopback(address: string): boolean {
  if (/^(ipc|unix|inproc):/.test(address) || address.startsWith('/')) return true;
  const rest = address.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');
  return LOOPBACK.test(hostOf(rest));
}

/** Without the port; a bare IPv6 address has several colons and no port. */
function hostOf(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return text.indexOf(':') === text.lastIndexOf(':') ? text.replace(/:\d*$/, '') : text;
}
