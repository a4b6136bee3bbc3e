import { outputOf, program } from '../programs.js';
import type { Contestant } from './types.js';
import type { Workplace } from './workplace.js';

/** `docker run` on the host network, where a docker daemon answers: this benchmark starts none of its own. */
export async function dockerPeer(workplace: Workplace): Promise<Contestant> {
  const image = `${workplace.name}:latest`;
  const made = await importImage(workplace, image);
  if (made !== undefined) return { name: 'docker', unavailable: made, run: () => Promise.resolve({}) };
  return {
    name: 'docker',
    slow: true,
    run: async (count) => {
      const timer = await program('time-command');
      const printed = await outputOf(timer, String(count), '-', 'docker', 'run', '--rm', '--network', 'host', image, '/bin/true');
      return { docker_p50_ms: (printed ?? '').trim().split('\n').map((us) => Number(us) / 1000) };
    },
    close: async () => {
      await outputOf('docker', 'image', 'rm', image);
    },
  };
}

/** Undefined once the image is there, else why not. */
async function importImage(workplace: Workplace, image: string): Promise<string | undefined> {
  const archive = `${workplace.path}/image.tar`;
  await outputOf('tar', '-C', workplace.root, '-cf', archive, '.');
  try {
    return (await outputOf('docker', 'import', archive, image)) === undefined ? 'it is not installed' : undefined;
  } catch {
    return 'no docker daemon answers; start one (or set DOCKER_HOST) to have it compared';
  }
}
