/** Keys of what is not final: everything of a world but its final blocks begins with `w/`, and is read back at boot. */

export function stateKey(world: string): string {
  return `w/${world}/state`;
}

export function tipKey(world: string): string {
  return `w/${world}/tip`;
}

export function footingKey(world: string): string {
  return `w/${world}/footing`;
}

export function groupKey(world: string, group: string): string {
  return `w/${world}/group/${group}`;
}

export function slotKey(world: string, group: string, position: number): string {
  return `w/${world}/slot/${group}/${position}`;
}

/** `record` is its place in the ring of them (`chain/repeats`). */
export function idsKey(world: string, group: string, record: number): string {
  return `w/${world}/ids/${group}/${record}`;
}

/** `block` is a number that it has here alone, while it is not final. */
export function blockKey(world: string, group: string, block: number): string {
  return `${blockKeys(world, group)}${block}`;
}

/** A definition that this participant keeps, by its sequence. */
export function definedKey(world: string, sequence: number): string {
  return `${definedKeys(world)}${sequence}`;
}

/** What these keys begin with. */
export function definedKeys(world: string): string {
  return `w/${world}/defined/`;
}

/** A piece of content, by its hash in hex. Stores tell only of its length at a start: it is read when it is needed (`isReadAlone`). */
export function contentKey(world: string, hash: string): string {
  return `content/${world}/${hash}`;
}

/**
 * The keys of a store for what is kept of sagas: of those that a world was made with, by the hex of its worldTag, and of one that was
 * deployed, by the hex of its state group besides.
 */
export function keptUnder(world: string, stateGroup?: string): { readonly snapshot: string; readonly waits: string } {
  const of = stateGroup === undefined ? world : `${world}/${stateGroup}`;
  return { snapshot: `saga/${of}`, waits: `saga-waits/${of}` };
}

/** Whether a record is read by itself, when it is wanted: final blocks, and pieces of content. All others are given at the start. */
export function isReadAlone(key: string): boolean {
  return key.startsWith("final/") || key.startsWith("content/");
}

/** What the keys of a group's blocks begin with. */
export function blockKeys(world: string, group: string): string {
  return `w/${world}/block/${group}/`;
}
