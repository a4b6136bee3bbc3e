import { MemoryNetwork, VirtualClock } from '@proffer/sdk/transport';
import { Random } from './random.js';

/** How badly a run's network treats its frames: drawn once per run, so that some runs see calm and some see storm. */
interface Weather {
  readonly loss: number;
  readonly twice: number;
  readonly late: number;
}

const WEATHERS: readonly Weather[] = [
  { loss: 0, twice: 0, late: 0 },
  { loss: 0.001, twice: 0.01, late: 0.001 },
  { loss: 0.01, twice: 0.02, late: 0.01 },
];

/** What all nodes of one run share: time, chance, the network, and the story of what happened. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  /** Told in order, each line with its virtual time in seconds; kept only if somebody reads it. */
  readonly #trace: ((line: string) => void) | undefined;
  readonly #start = this.clock.now();
  readonly #violations: string[] = [];
  calm = false;
  #ids = 0;

  constructor(seed: number, trace?: (line: string) => void) {
    this.random = new Random(seed);
    this.#trace = trace;
    const weather = this.random.pick(WEATHERS);
    const frames = this.random.fork();
    const jitter = this.random.fork();
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: () => jitter.next(),
      fate: () => fateOf(this.calm ? WEATHERS[0]! : weather, frames),
    });
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  newId(prefix: string): string {
    return `${prefix}-${++this.#ids}`;
  }

  tell(line: string): void {
    this.#trace?.(`${((this.clock.now() - this.#start) / 1000).toFixed(3).padStart(9)}  ${line}`);
  }

  /** A promise was broken. */
  violated(text: string): void {
    this.#violations.push(text);
    this.tell(`VIOLATED: ${text}`);
  }
}

/** The same for all: frames overtake each other only where the weather says so, as on a real connection. */
const TRANSIT_MS = 1;

function fateOf(weather: Weather, random: Random): readonly number[] {
  if (random.chance(weather.loss)) return [];
  if (random.chance(weather.twice)) return [TRANSIT_MS, TRANSIT_MS + random.between(0, 50)];
  return [random.chance(weather.late) ? TRANSIT_MS + random.between(1, 3000) : TRANSIT_MS];
}
