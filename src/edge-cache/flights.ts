/**
 * The shared fetches under way, by name. Lives as long as the edge; bounded by the upstream's slots and queue.
 */

import type { Crew, Flight, Landing } from './flight.js';
import type { CachedObject } from './memory/cached-object.js';

export class Flights {
  readonly #byName = new Map<string, Flight>();
  #changes = 0;

  /** How often something was invalidated: what was asked for before the last time may be out of date. */
  get changes(): number {
    return this.#changes;
  }

  get(name: string): Flight | undefined {
    return this.#byName.get(name);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Whoever asks for its name from now on finds it. */
  begin(name: string, crew: Crew | null, land: (flight: Flight) => Promise<Landing> | Landing): Flight {
    const flight: Flight = {
      name,
      landed: Promise.resolve().then(() => land(flight)),
      object: null,
      crew,
      keep: true,
    };
    this.#byName.set(name, flight);
    return flight;
  }

  /** It fills this, and goes by its name from here on. */
  fills(flight: Flight, object: CachedObject): void {
    flight.object = object;
    if (!flight.keep || object.key === flight.name) return;
    this.over(flight);
    flight.name = object.key;
    this.#byName.set(object.key, flight);
  }

  /** What it brought is still what its name means. */
  mayKeep(flight: Flight): boolean {
    return flight.keep && this.#byName.get(flight.name) === flight;
  }

  /** Nobody joins it any more. */
  over(flight: Flight): void {
    if (this.#byName.get(flight.name) === flight) this.#byName.delete(flight.name);
  }

  /** What is under way under these names must not be kept. */
  invalidateWhere(isMeant: (name: string) => boolean): void {
    this.#changes += 1;
    for (const [name, flight] of this.#byName) {
      if (!isMeant(name)) continue;
      flight.keep = false;
      this.#byName.delete(name);
    }
  }
}
