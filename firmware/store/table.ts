/**
 * Where each record lies, by its key: open addressing in two typed arrays, 12 bytes a place, of which at most three in four are taken. A
 * Map of the engine takes four times as much on a board.
 */
export interface Table {
  /** -1 where none is. */
  keys: Float64Array;
  addresses: Uint32Array;
  size: number;
}

const firstPlaces = 16;
const none = -1;

export function createTable(): Table {
  return { keys: new Float64Array(firstPlaces).fill(none), addresses: new Uint32Array(firstPlaces), size: 0 };
}

export function addressOf(table: Table, key: number): number | undefined {
  const place = placeOf(table, key);
  return table.keys[place] === none ? undefined : table.addresses[place];
}

export function setAddress(table: Table, key: number, address: number): void {
  let place = placeOf(table, key);
  if (table.keys[place] === none) {
    if (4 * (table.size + 1) > 3 * table.keys.length) {
      grow(table);
      place = placeOf(table, key);
    }
    table.keys[place] = key;
    table.size++;
  }
  table.addresses[place] = address;
}

export function dropAddress(table: Table, key: number): void {
  const { keys, addresses } = table;
  let hole = placeOf(table, key);
  if (keys[hole] === none) return;
  table.size--;
  // What was pushed on by it moves up, so that no search ends too soon.
  for (let next = after(table, hole); keys[next] !== none; next = after(table, next)) {
    const home = homeOf(table, keys[next]!);
    const between = hole <= next ? hole < home && home <= next : hole < home || home <= next;
    if (between) continue;
    keys[hole] = keys[next]!;
    addresses[hole] = addresses[next]!;
    hole = next;
  }
  keys[hole] = none;
}

/** In no order. */
export function* keysIn({ keys }: Table): Generator<number> {
  for (let place = 0; place < keys.length; place++) if (keys[place] !== none) yield keys[place]!;
}

function grow(table: Table): void {
  const { keys, addresses } = table;
  table.keys = new Float64Array(2 * keys.length).fill(none);
  table.addresses = new Uint32Array(2 * keys.length);
  for (let old = 0; old < keys.length; old++) {
    if (keys[old] === none) continue;
    const place = placeOf(table, keys[old]!);
    table.keys[place] = keys[old]!;
    table.addresses[place] = addresses[old]!;
  }
}

function placeOf(table: Table, key: number): number {
  let place = homeOf(table, key);
  while (table.keys[place] !== none && table.keys[place] !== key) place = after(table, place);
  return place;
}

function homeOf({ keys }: Table, key: number): number {
  const mixed = Math.imul((key % 0x100000000) ^ Math.imul(Math.floor(key / 0x100000000), 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & (keys.length - 1);
}

function after({ keys }: Table, place: number): number {
  return (place + 1) & (keys.length - 1);
}
