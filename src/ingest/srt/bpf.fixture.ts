import type { Instruction } from './bpf.js';

/** The kernel's side of a packet filter, as its documentation has it. `datagram` begins with the UDP header. */
export function runFilter(program: readonly Instruction[], datagram: Buffer): number {
  let [accumulator, index, memory] = [0, 0, 0];
  for (let at = 0; at < program.length; at++) {
    const { code, ifSo, ifNot, value } = program[at] as Instruction;
    const load = (from: number, bytes: number) => {
      if (from + bytes > datagram.length) return false;
      accumulator = datagram.readUIntBE(from, bytes);
      return true;
    };
    const test = (holds: boolean) => {
      at += holds ? ifSo : ifNot;
    };
    if (code === 0x06) return value;
    else if (code === 0x20) {
      if (!load(value, 4)) return 0;
    } else if (code === 0x28) {
      if (!load(value, 2)) return 0;
    } else if (code === 0x48) {
      if (!load(index + value, 2)) return 0;
    } else if (code === 0x80) accumulator = datagram.length;
    else if (code === 0x01) index = value;
    else if (code === 0x61) index = memory;
    else if (code === 0x02) memory = accumulator;
    else if (code === 0x04) accumulator = (accumulator + value) >>> 0;
    else if (code === 0x0c) accumulator = (accumulator + index) >>> 0;
    else if (code === 0x64) accumulator = (accumulator << value) >>> 0;
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x05) at += value;
    else if (code === 0x15) test(accumulator === value);
    else if (code === 0x25) test(accumulator > value);
    else if (code === 0x35) test(accumulator >= value);
    else if (code === 0x45) test((accumulator & value) !== 0);
    else if (code === 0x1d) test(accumulator === index);
    else if (code === 0x3d) test(accumulator >= index);
    else throw new Error(`no instruction has the code ${code}`);
  }
  throw new Error('the program ran out without an answer');
}
