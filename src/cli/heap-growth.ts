import { setFlagsFromString } from 'node:v8';

/**
 * Media passes through Node's buffers, which V8 counts as heap that grows: with its own small steps it then marks the whole heap
 * about once a second, for a third of the box's CPU, and finds nothing. Steps of three times what lives cost some 50 MiB while
 * channels are live and nothing while none is.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=300');
}
