import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** An IPv4 network: its first address and prefix length, as numbers. */
export interface Subnet {
  readonly first: number;
  readonly bits: number;
}

/** Smaller ones hold no gateway and a few containers; larger ones are a mistake. */
const BITS_MIN = 8;
const BITS_MAX = 28;

/** Throws for what is not `A.B.C.D/N` with N from 8 to 28 and the host part zero. */
export function parseSubnet(text: string): Subnet {
  const [address = '', bits = '', ...rest] = text.split('/');
  const first = parseAddress(address);
  const length = /^\d{1,2}$/.test(bits) ? Number(bits) : -1;
  const fits = first !== undefined && rest.length === 0 && length >= BITS_MIN && length <= BITS_MAX;
  if (!fits || first % size({ first: 0, bits: length }) !== 0) {
    throw new Error(`bridgeSubnet: expected an IPv4 subnet such as 10.88.7.0/24 (/${BITS_MIN} to /${BITS_MAX}), got ${JSON.stringify(text)}`);
  }
  return { first, bits: length };
}

export function formatSubnet({ first, bits }: Subnet): string {
  return `${formatAddress(first)}/${bits}`;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.first < b.first + size(b) && b.first < a.first + size(a);
}

/**
 * A /24 of 10.88.0.0/16 that overlaps nothing in use; the search begins at a place that `seed` (0 to 255) decides, so that
 * agents of one cluster mostly have different ones. Throws where all are in use.
 */
export function chooseSubnet(seed: number, used: readonly Subnet[]): Subnet {
  const base = 10 * 2 ** 24 + 88 * 2 ** 16;
  for (let step = 0; step < 256; step++) {
    const subnet = { first: base + ((seed + step) % 256) * 256, bits: 24 };
    if (!used.some((other) => overlap(subnet, other))) return subnet;
  }
  throw new Error('every subnet of 10.88.0.0/16 is in use on this machine; give the agent one with bridgeSubnet');
}

/** Subnets of this machine's interfaces and routes, without those of `own`, and without the default route. */
export function usedSubnets(own: string): Subnet[] {
  const interfaces = Object.entries(networkInterfaces()).filter(([name]) => name !== own);
  const addresses = interfaces.flatMap(([, list = []]) => list).filter(({ family }) => family === 'IPv4');
  return [...addresses.map(({ cidr }) => containing(cidr ?? '')), ...routes(own)].filter((subnet) => subnet !== undefined);
}

function containing(cidr: string): Subnet | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const number = parseAddress(address);
  const subnet = { first: 0, bits: Number(bits) };
  return number === undefined ? undefined : { ...subnet, first: number - (number % size(subnet)) };
}

function routes(own: string): Subnet[] {
  let lines;
  try {
    lines = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
  } catch {
    return [];
  }
  return lines.flatMap((line) => {
    const [name, destination = '0', , , , , , mask = '0'] = line.split('\t');
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
    return name === own || bits === 0 ? [] : [{ first: littleEndian(destination), bits }];
  });
}

function littleEndian(hex: string): number {
  return Buffer.from(hex.padStart(8, '0'), 'hex').readUInt32LE();
}

function size({ bits }: Subnet): number {
  return 2 ** (32 - bits);
}
