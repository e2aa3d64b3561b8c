/**
 * What the threads know of the loans, in memory that all of them share: for each place its generation, who reads there, and how it is used.
 *
 * A borrower *pins* a place, and only then looks whether its generation is still the one that was lent; the owner ends the generation, and only
 * then looks whether anybody has pinned it. Both are sequentially consistent (ECMAScript §25.4), so one of the two sees the other: nobody reads what
 * was taken back, and nothing is taken back from who reads it.
 */
const generationAt = 0;
const pinsAt = 1;
const wordsEach = 2;
const usesMax = 3;

export class LoanTable {
  /** For another thread to make its own view of. */
  readonly shared: SharedArrayBuffer;
  readonly places: number;
  readonly #words: Int32Array;
  readonly #uses: Uint8Array;
  /** 1: it was used, or lent, since it was last looked at. */
  readonly #news: Uint8Array;

  static make(places: number): LoanTable {
    return new LoanTable(new SharedArrayBuffer(places * (wordsEach * 4 + 2)), places);
  }

  constructor(shared: SharedArrayBuffer, places: number) {
    this.shared = shared;
    this.places = places;
    this.#words = new Int32Array(shared, 0, places * wordsEach);
    this.#uses = new Uint8Array(shared, places * wordsEach * 4, places);
    this.#news = new Uint8Array(shared, places * (wordsEach * 4 + 1), places);
  }

  generation(place: number): number {
    return Atomics.load(this.#words, place * wordsEach + generationAt);
  }

  /** The owner's: what was lent there is lent no longer. */
  endGeneration(place: number): void {
    Atomics.add(this.#words, place * wordsEach + generationAt, 1);
  }

  isPinned(place: number): boolean {
    return Atomics.load(this.#words, place * wordsEach + pinsAt) > 0;
  }

  /** A borrower's, before it looks at the generation. */
  pin(place: number): void {
    Atomics.add(this.#words, place * wordsEach + pinsAt, 1);
  }

  unpin(place: number): void {
    Atomics.sub(this.#words, place * wordsEach + pinsAt, 1);
  }

  /** Up to 3, roughly: threads that count at the same time may lose a use. */
  countUse(place: number): void {
    const uses = this.#uses[place] ?? 0;
    if (uses < usesMax) this.#uses[place] = uses + 1;
    this.#news[place] = 1;
  }

  /** The owner's: it will be lent anew. */
  startAnew(place: number): void {
    this.#uses[place] = 0;
    this.#news[place] = 1;
  }

  /** The owner's: whether it was used, or lent, since this was asked last. */
  takeNews(place: number): boolean {
    const hasNews = this.#news[place] === 1;
    this.#news[place] = 0;
    return hasNews;
  }

  uses(place: number): number {
    return this.#uses[place] ?? 0;
  }

  forgetUses(place: number): void {
    this.#uses[place] = 0;
  }
}
