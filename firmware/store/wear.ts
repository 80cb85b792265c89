/**
 * How often each sector of a flash was erased, in two bytes a sector: how much oftener than the one that was erased least, or was when
 * that was reckoned last. Erases spread over all sectors, so that none is ever so far above another that two bytes don't hold it.
 */
export interface Wear {
  readonly above: Uint16Array;
  least: number;
}

const most = 0xffff;

/** `erases` by sector. */
export function createWear(erases: Uint32Array): Wear {
  const wear = { above: new Uint16Array(erases.length), least: leastOf(erases) };
  for (let sector = 0; sector < erases.length; sector++) {
    wear.above[sector] = Math.min(most, erases[sector]! - wear.least);
  }
  return wear;
}

export function erasesOf({ above, least }: Wear, sector: number): number {
  return least + above[sector]!;
}

/** Counts one more; returns whether it reckoned anew what the least is. */
export function noteErase(wear: Wear, sector: number): boolean {
  const { above } = wear;
  const reckoned = above[sector] === most;
  if (reckoned) {
    const more = leastOf(above);
    wear.least += more;
    for (let each = 0; each < above.length; each++) above[each] = above[each]! - more;
  }
  if (above[sector]! < most) above[sector] = above[sector]! + 1;
  return reckoned;
}

function leastOf(numbers: Uint16Array | Uint32Array): number {
  let least = numbers[0] ?? 0;
  for (let sector = 1; sector < numbers.length; sector++) least = Math.min(least, numbers[sector]!);
  return least;
}
