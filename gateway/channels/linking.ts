import { type LinkAddress, nameOfLink, readLink } from "../avatars/address";
import type { Gateway } from "../gateway";
import { readLinks, withLink, withoutLink, writeLinks } from "../world/links";

/** A link that is to be added or removed. With `dry`, all is checked and nothing done. */
export interface LinkAsked {
  readonly address: string;
  readonly dry: boolean;
}

/** What `--json` prints of it. */
export interface LinkedJson {
  readonly dry: boolean;
  /** As it is called in a status. */
  readonly address: string;
  /** Whether a gateway runs, and has opened or ended it. */
  readonly running: boolean;
}

/** Adds it to the file, and opens it. */
export function addLink(gateway: Gateway, asked: LinkAsked): LinkedJson {
  const { address, linked } = added(gateway.world.directory, asked, true);
  if (!asked.dry) gateway.links.open(address, true);
  return linked;
}

/** Removes it from the file, and ends it with whatever it let in. */
export async function removeLink(gateway: Gateway, asked: LinkAsked): Promise<LinkedJson> {
  const linked = removed(gateway.world.directory, asked, true);
  if (!asked.dry) await gateway.links.shut(linked.address);
  return linked;
}

/** Throws `link-address`, `link-known`, `links-many` and `links-damaged`. */
export function added(directory: string, { address: text, dry }: LinkAsked, running: boolean) {
  const address: LinkAddress = readLink(text);
  const links = withLink(readLinks(directory), address);
  if (!dry) writeLinks(directory, links);
  return { address, linked: { dry, address: nameOfLink(address), running } };
}

/** Throws `link-address`, `link-unknown` and `links-damaged`. */
export function removed(directory: string, { address, dry }: LinkAsked, running: boolean): LinkedJson {
  const name = nameOfLink(readLink(address));
  const links = withoutLink(readLinks(directory), name);
  if (!dry) writeLinks(directory, links);
  return { dry, address: name, running };
}
