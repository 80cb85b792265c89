import { VertebraError } from "../../firmware/core/errors";
import { idOfSaga } from "../../firmware/core/saga/deployed";
import { beginsBy, isOf } from "../../firmware/core/saga/rolling";
import { readState } from "../../firmware/core/saga/state";
import { equal, toHex } from "../../firmware/core/wire/bytes";
import type { Gateway } from "../gateway";
import type { KnownRollout, KnownSaga } from "../world/catalog";
import { calledBy } from "../world/cells";
import { blocksOf } from "./history";
import { lastWords } from "./rollouts";

/** What `vertebra saga versions --json` prints of each saga that was deployed; of one that was undeployed and deployed again, of each time. */
export interface VersionsJson {
  readonly saga: string;
  /** By which definition it was undeployed. */
  readonly undeployed: number | null;
  readonly versions: readonly {
    readonly version: number;
    /** The sequence of its definition. */
    readonly definition: number;
    /** Bytes of its source. */
    readonly size: number;
    readonly stands: "deployed" | "staged" | "rolling out" | "rolled out" | "stopped" | "taken back";
    /** Of a rollout: rings that are open, of so many. */
    readonly open: number | null;
    readonly rings: number | null;
    /** Whether all of its members begin by it. */
    readonly all: boolean;
  }[];
  readonly members: readonly {
    readonly name: string;
    /** The version by which it begins, as the final definitions say; null for none. */
    readonly begins: number | null;
    /** Of the last state that it made, and that is final. */
    readonly ran: number | null;
    /** What it told last of the last rollout; null for nothing. */
    readonly told: { readonly version: number; readonly state: string } | null;
  }[];
}

/** Of the saga that people call so, each cell of it, or of all. Throws `saga-not-deployed`. */
export async function versionsJson(gateway: Gateway, name: string | null): Promise<VersionsJson[]> {
  const { sagas, undeployed } = gateway.world.catalog;
  const byStates = new Map<string, KnownSaga[]>();
  for (const saga of [...undeployed, ...sagas]) {
    if (name !== null && saga.name !== name && calledBy(saga.name) !== name) continue;
    const key = toHex(saga.stateGroup);
    byStates.set(key, [...(byStates.get(key) ?? []), saga]);
  }
  if (name !== null && byStates.size === 0) {
    const names = [...new Set([...undeployed, ...sagas].map((saga) => calledBy(saga.name)))];
    throw new VertebraError(
      "saga-not-deployed",
      `No saga '${name}' was deployed in this world`,
      names.length > 0 ? `There are: ${names.join(", ")}.` : "`vertebra saga deploy FILE` deploys one.",
    );
  }
  return Promise.all([...byStates.values()].map((versions) => ofSaga(gateway, versions)));
}

async function ofSaga(gateway: Gateway, versions: readonly KnownSaga[]): Promise<VersionsJson> {
  const { catalog } = gateway.world;
  const { name, stateGroup, undeployed } = versions[0]!;
  const rollouts = catalog.rollouts.filter(({ definition }) => equal(definition.stateGroup, stateGroup));
  const last = rollouts.at(-1);
  const told = last && (await lastWords(gateway, last));
  const ran = await lastRan(gateway, versions);
  const newest = (of: readonly KnownSaga[]) => of.at(-1)?.version ?? null;
  const ofAll = undeployed === null ? newest(versions.filter((version) => isOfAll(version, rollouts))) : null;
  const members = catalog.groupOf(stateGroup)?.owners ?? [];
  return {
    saga: name,
    undeployed,
    versions: versions.map((version) => ({ ...standing(version, rollouts), all: version.version === ofAll })),
    members: members.map((avatar) => {
      const health = told?.(avatar);
      const begins = undeployed === null ? newest(versions.filter((each) => beginsBy(each, rollouts, avatar))) : null;
      return {
        ...{ name: catalog.memberName(avatar), begins, ran: ran.get(toHex(avatar)) ?? null },
        told: health === undefined ? null : { version: last!.definition.version, state: health.state },
      };
    }),
  };
}

/** Whether all begin by it who run the saga, where there is none after it. */
export function isOfAll(saga: KnownSaga, rollouts: readonly KnownRollout[]): boolean {
  return !saga.staged || rollouts.some((each) => isOf(each, saga) && each.open === each.definition.rings.length);
}

function standing(saga: KnownSaga, rollouts: readonly KnownRollout[]) {
  const { version, sequence: definition, size, staged } = saga;
  const its = rollouts.filter((rollout) => isOf(rollout, saga)).at(-1);
  const known = { version, definition, size };
  if (its === undefined) return { ...known, stands: staged ? "staged" : "deployed", open: null, rings: null } as const;
  const { open, stopped } = its;
  const rings = its.definition.rings.length;
  const stands = open === 0 ? "taken back" : stopped ? "stopped" : open < rings ? "rolling out" : "rolled out";
  return { ...known, stands, open, rings } as const;
}

/** By the hex of avatars: the version of the last state that each made. */
async function lastRan(
  { crypto, store, world }: Gateway,
  versions: readonly KnownSaga[],
): Promise<Map<string, number>> {
  const byId = new Map(versions.map((saga) => [idOfSaga(crypto, saga), saga.version]));
  const ran = new Map<string, number>();
  for await (const { issuer, entries } of blocksOf(store, world.tag, versions[0]!.stateGroup)) {
    for (const entry of entries ?? []) {
      const state = readState(entry);
      const version = state && byId.get(toHex(state.description));
      if (version !== undefined) ran.set(toHex(issuer), version);
    }
  }
  return ran;
}
