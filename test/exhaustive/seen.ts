/** A set of states by 64 bits of hash, 8 bytes each: two different ones are taken for one about once in 2^64 / n pairs. */
export interface Seen {
  /** Whether it was not there yet; it is after. */
  add(words: readonly number[]): boolean;
  readonly size: number;
}

export function createSeen(): Seen {
  let capacity = 1 << 16;
  let table = new Uint32Array(2 * capacity);
  let size = 0;

  /** Its place, where it stands or may stand; both halves 0 is an empty place. */
  function place(low: number, high: number): number {
    let at = low & (capacity - 1);
    while (table[2 * at] !== 0 || table[2 * at + 1] !== 0) {
      if (table[2 * at] === low && table[2 * at + 1] === high) break;
      at = (at + 1) & (capacity - 1);
    }
    return at;
  }

  function grow(): void {
    const old = table;
    capacity *= 2;
    table = new Uint32Array(2 * capacity);
    for (let at = 0; at < old.length; at += 2) {
      const [low, high] = [old[at]!, old[at + 1]!];
      if (low !== 0 || high !== 0) table.set([low, high], 2 * place(low, high));
    }
  }

  return {
    add(words) {
      let low = 0x9e3779b9;
      let high = 0x85ebca6b;
      for (const word of words) {
        low = Math.imul(low ^ word, 0xcc9e2d51);
        low = (low << 15) | (low >>> 17);
        high = Math.imul(high ^ (word + low), 0x1b873593);
        high ^= high >>> 13;
      }
      low = finish(low ^ high);
      high = finish(high + low) | 1;
      const at = place(low >>> 0, high >>> 0);
      if (table[2 * at + 1] !== 0) return false;
      table[2 * at] = low;
      table[2 * at + 1] = high;
      if (2 * ++size > capacity) grow();
      return true;
    },
    get size() {
      return size;
    },
  };
}

/** Murmur3's last mixing. */
function finish(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
