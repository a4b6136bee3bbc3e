/** What a job is: count the primes below a number. It travels as `data` of its task, the answer as that of its last status. */
export interface Job {
  readonly below: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function packJob(job: Job): Uint8Array {
  return encoder.encode(JSON.stringify(job));
}

/** Throws RangeError for what is no job. */
export function unpackJob(data: Uint8Array | undefined): Job {
  const job = data === undefined ? undefined : (JSON.parse(decoder.decode(data)) as Partial<Job>);
  if (!Number.isSafeInteger(job?.below)) throw new RangeError(`a job is {"below": <whole number>}, got ${JSON.stringify(job)}`);
  return job as Job;
}

export function packAnswer(count: number): Uint8Array {
  return encoder.encode(String(count));
}

export function unpackAnswer(data: Uint8Array | undefined): number {
  return Number(decoder.decode(data));
}

/** Runs in slices, so that the executor hears of kills meanwhile. Undefined if it was cancelled. */
export async function countPrimes(job: Job, isCancelled: () => boolean): Promise<number | undefined> {
  let count = 0;
  for (let n = 2; n < job.below; n++) {
    if (n % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (isCancelled()) return undefined;
    if (isPrime(n)) count++;
  }
  return count;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
