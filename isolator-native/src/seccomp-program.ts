import { endianness } from 'node:os';

/** Offsets in `struct seccomp_data`; of an argument the low half. */
export const NUMBER = 0;
export const ARCHITECTURE = 4;
export const argument = (index: number): number => 16 + 8 * index;

export const ALLOW = 0x7fff_0000;
export const KILL_PROCESS = 0x8000_0000;
/** The call fails with this errno. */
export const fail = (errno: number): number => 0x0005_0000 | errno;

/** BPF_LD|BPF_W|BPF_ABS, BPF_JMP|…|BPF_K, BPF_RET|BPF_K. */
const LOAD = 0x20;
const JUMPS = { equal: 0x15, greater: 0x25, anyBit: 0x45 } as const;
const RETURN = 0x06;
/** A conditional jump has one byte for its distance. */
const DISTANCE_MAX = 255;
const INSTRUCTION_BYTES = 8;

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** Labels to go to; the next instruction where absent. */
  readonly yes?: string;
  readonly no?: string;
}

/** A small assembler for seccomp's BPF: instructions in order, jumps forward to labels. */
export class SeccompProgram {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  load(offset: number): this {
    return this.#add({ code: LOAD, value: offset });
  }

  /** Goes to `yes` if what was loaded is equal to (greater than, has a bit of) the value, else to `no`. */
  jump(test: keyof typeof JUMPS, value: number, to: { readonly yes?: string; readonly no?: string }): this {
    return this.#add({ code: JUMPS[test], value, ...to });
  }

  end(action: number): this {
    return this.#add({ code: RETURN, value: action });
  }

  /** Names the next instruction. */
  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  /** `struct sock_filter`s in the machine's byte order. Throws where a jump is too far or a label missing. */
  assemble(): Uint8Array {
    const bytes = Buffer.alloc(this.#instructions.length * INSTRUCTION_BYTES);
    this.#instructions.forEach(({ code, value, yes, no }, index) => {
      const at = index * INSTRUCTION_BYTES;
      const little = endianness() === 'LE';
      if (little) bytes.writeUInt16LE(code, at);
      else bytes.writeUInt16BE(code, at);
      bytes[at + 2] = this.#distance(index, yes);
      bytes[at + 3] = this.#distance(index, no);
      if (little) bytes.writeUInt32LE(value, at + 4);
      else bytes.writeUInt32BE(value, at + 4);
    });
    return bytes;
  }

  #add(instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }

  #distance(from: number, label: string | undefined): number {
    if (label === undefined) return 0;
    const distance = (this.#labels.get(label) ?? -1) - from - 1;
    if (distance < 0 || distance > DISTANCE_MAX) throw new Error(`seccomp program: no jump from ${from} to ${label}`);
    return distance;
  }
}
