import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VertebraError } from "../../firmware/core/errors";
import { type LinkAddress, nameOfLink, readLink, textOfLink } from "../avatars/address";
import { asVertebraError } from "../system/errors";
import { writeWhole } from "./files";

/** The links that a gateway opens whenever it starts: `links.json` in its world's directory, which people may write, too. */
const fileName = "links.json";
const layout = 1;
/** Each takes descriptors, timers and memory. */
const mostLinks = 256;

/** Throws `links-damaged`. */
export function readLinks(directory: string): LinkAddress[] {
  const path = join(directory, fileName);
  if (!existsSync(path)) return [];
  try {
    const text = JSON.parse(readFileSync(path, "utf8"));
    if (text?.layout !== layout) throw new Error(`its layout is ${text?.layout}, and this version reads ${layout}`);
    if (!Array.isArray(text.links)) throw new Error("it has no list of links");
    if (text.links.length > mostLinks) throw new Error(`it has more than ${mostLinks} links`);
    return text.links.map((link: unknown) => readLink(String(link)));
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : asVertebraError(error, "it can't be read").message;
    throw new VertebraError(
      "links-damaged",
      `${path} can't be read: ${why.split("\n")[0]}`,
      `Mend it: {"layout": ${layout}, "links": ["tcp://HOST:PORT"]}; or remove it, and add its links again.`,
    );
  }
}

/** The links with one more. Throws `link-known` and `links-many`. */
export function withLink(links: readonly LinkAddress[], address: LinkAddress): LinkAddress[] {
  const name = nameOfLink(address);
  if (links.some((each) => nameOfLink(each) === name)) {
    throw new VertebraError("link-known", `${name} is a link of this gateway already`, "Remove it first to change it.");
  }
  if (links.length < mostLinks) return [...links, address];
  throw new VertebraError("links-many", `A gateway has at most ${mostLinks} links`, "Remove one that nobody needs.");
}

/** The links without the one of this name. Throws `link-unknown`. */
export function withoutLink(links: readonly LinkAddress[], name: string): LinkAddress[] {
  const left = links.filter((each) => nameOfLink(each) !== name);
  if (left.length < links.length) return left;
  const names = links.map(nameOfLink).join(", ");
  throw new VertebraError(
    "link-unknown",
    `No link ${name} was added to this gateway`,
    names ? `There are: ${names}.` : "Add one with `vertebra link add ADDRESS`.",
  );
}

export function writeLinks(directory: string, links: readonly LinkAddress[]): void {
  try {
    writeWhole(
      join(directory, fileName),
      `${JSON.stringify({ layout, links: links.map(textOfLink) }, null, 2)}\n`,
      0o644,
    );
  } catch (error) {
    throw asVertebraError(error, `The links of ${directory} can't be written`);
  }
}
