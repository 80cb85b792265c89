import { existsSync, readFileSync } from "node:fs";
import { decodeBoard } from "../../firmware/core/capability/board";
import { publishedBy } from "../../firmware/core/capability/published";
import { VertebraError } from "../../firmware/core/errors";
import type { Published } from "../../firmware/core/pact/requirement";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { AvatarId } from "../../firmware/core/wire/types";
import { gatewayKind, groupsOwnedBy, isGateway } from "./catalog";
import type { World } from "./world";

/** Members by what they are, as `kind:linux`: what goes before the colon, and what each of them is called by it. */
export const selectors = ["kind", "capability", "group", "label"] as const;
type By = (typeof selectors)[number];

/** What each member published last that it can do, by the hex of its avatar. */
export type Capable = ReadonlyMap<string, Published>;

/** Whether it selects members by what they are: a member's name has no colon. */
export function isSelector(text: string): boolean {
  return text.includes(":");
}

/**
 * Those of these members whom `by:value` selects. Throws `rollout-rings` where it selects none, with what there is to select, and for what is
 * no such text.
 */
export function selected(
  world: World,
  capable: Capable,
  members: readonly AvatarId[],
  selector: string,
): readonly AvatarId[] {
  const colon = selector.indexOf(":");
  const by = selectors.find((each) => each === selector.slice(0, colon));
  const value = selector.slice(colon + 1);
  if (by === undefined || value === "") {
    throw new VertebraError(
      "rollout-rings",
      `'${selector}' selects no members`,
      `Give it like ${selectors.map((each) => `${each}:NAME`).join(", ")}.`,
    );
  }
  const called = members.map((avatar) => ({ avatar, as: calledBy(world, capable, by, avatar) }));
  const found = called.filter(({ as }) => as.includes(value)).map(({ avatar }) => avatar);
  if (found.length > 0) return found;
  const counts = new Map<string, number>();
  for (const name of called.flatMap(({ as }) => as)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const there = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
  throw new VertebraError(
    "rollout-rings",
    `None of those who run the saga is of ${selector}`,
    there.length > 0
      ? `There are: ${there.map(([name, count]) => `${by}:${name} (${count})`).join(", ")}.`
      : `None of them has a ${by} that is known here.`,
  );
}

function calledBy(world: World, capable: Capable, by: By, avatar: AvatarId): readonly string[] {
  const { catalog } = world;
  if (by === "group") return groupsOwnedBy(catalog, avatar).map(({ name }) => name);
  const member = catalog.members.find((each) => equal(each.avatar, avatar));
  if (by === "label") return member?.labels ?? [];
  const able = ableOf(world, capable, avatar);
  if (by === "capability") return [...able.keys()].filter((name) => name !== "board");
  const kind = able.get("board");
  return kind === undefined ? [] : [String(kind)];
}

/** All that is known here of what a member can do: what it published last, by its board.json what it will, and what it was added as. */
export function ableOf(world: World, capable: Capable, avatar: AvatarId): Published {
  const member = world.catalog.members.find((each) => equal(each.avatar, avatar));
  const kind = member && isGateway(member) ? gatewayKind : member?.board;
  const able = new Map([...ofDefinition(world, avatar), ...(capable.get(toHex(avatar)) ?? [])]);
  return kind === undefined ? able : able.set("board", kind);
}

/** Of a board whose board.json is here, what it will publish. */
function ofDefinition({ boards }: World, avatar: AvatarId): Published {
  const board = boards.find((each) => equal(each.avatar, avatar));
  if (board === undefined || !existsSync(board.definitionFile)) return new Map();
  return publishedBy(decodeBoard(new Uint8Array(readFileSync(board.definitionFile))));
}
