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

/** What the keys of a group's blocks begin with. */
export function blockKeys(world: string, group: string): string {
  return `w/${world}/block/${group}/`;
}
