/** One who is connected and has not proved to be a member. */
export interface Stranger {
  /** Whence it comes. */
  readonly from: string;
  drop(): void;
}

/** How many there are in all, and of one address. */
const mostStrangers = 256;
const mostOfOne = 64;

export interface Strangers {
  readonly count: number;
  /** Where there are too many, the one goes that is there for longest, of the address that has most: so a flood displaces itself. */
  add(stranger: Stranger): void;
  remove(stranger: Stranger): void;
}

export function createStrangers(): Strangers {
  /** Of each address in the order in which they came. */
  const byAddress = new Map<string, Set<Stranger>>();
  let count = 0;

  function remove(stranger: Stranger): void {
    const same = byAddress.get(stranger.from);
    if (!same?.delete(stranger)) return;
    count--;
    if (same.size === 0) byAddress.delete(stranger.from);
  }

  function displace(of: Set<Stranger>): void {
    const [oldest] = of;
    remove(oldest!);
    oldest!.drop();
  }

  return {
    get count() {
      return count;
    },
    add(stranger) {
      const same = byAddress.get(stranger.from) ?? new Set();
      byAddress.set(stranger.from, same);
      same.add(stranger);
      count++;
      if (same.size > mostOfOne) displace(same);
      else if (count > mostStrangers) displace([...byAddress.values()].reduce((a, b) => (b.size > a.size ? b : a)));
    },
    remove,
  };
}

/** Of an IPv6 address the network, since whoever has one address of it has all; of an IPv4 address that comes as IPv6, itself. */
export function whence(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const first = head.split(":").filter(Boolean);
  const last = tail?.split(":").filter(Boolean) ?? [];
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
}
