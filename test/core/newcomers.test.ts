import { describe, expect, it } from "vitest";
import { definedKey, definedKeys, groupKey } from "../../firmware/core/block/records";
import { readStanding } from "../../firmware/core/chain/records";
import { definitionsGroup } from "../../firmware/core/definitions/definition";
import type { GivenEpoch } from "../../firmware/core/identity/membership";
import { secretOf } from "../../firmware/core/identity/membership";
import type { DefinitionsFrom, WorldProvision } from "../../firmware/core/identity/provision";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeMessage } from "../../firmware/core/wire/messages";
import { cheapCrypto } from "./cheap-crypto";
import { createNetwork, everyPair, type Network } from "./network";
import type { NetworkPlan } from "./plan";

/** A newcomer follows the definitions from where they stood when it was provisioned: nothing of before concerns it (PROTOCOL 10). */

const crypto = cheapCrypto();
const members = ["gateway", "second", "board", "late"];

type Told = Pick<WorldProvision, "stewards" | "definitions" | "definedFrom">;

interface Scene {
  readonly network: Network;
  /** Provisions `late` with what is final at the gateway now, and starts it. */
  arrive(changed?: Partial<DefinitionsFrom>, given?: GivenEpoch): void;
  /** Bytes that it was told since. */
  heard(): number;
}

/** A world in which so much is defined before one comes. */
function scene(defined: number, plan: Partial<NetworkPlan> = {}): Scene {
  let told: Told | undefined;
  let epoch: GivenEpoch | undefined;
  let heard = 0;
  const network = createNetwork({
    ...{ crypto, members, groups: [], stewards: ["gateway"] },
    newcomer: (name) => (name === "late" ? told : undefined),
    given: (name) => (name === "late" ? epoch : undefined),
    ...plan,
  });
  network.crash("late");
  network.filter = (_from, to, bytes) => {
    if (to === "late") heard += bytes.length;
    return true;
  };
  for (let each = 0; each < defined; each++) {
    network.define("gateway", { name: `others-${each}`, owners: ["gateway", "second"] });
    after(network, 100);
  }
  after(network, 2_000);
  const avatars = (names: readonly string[]) => names.map((name) => network.members.get(name)!.avatar);
  let stewards = plan.stewards ?? ["gateway"];
  return {
    network,
    heard: () => heard,
    arrive(changed = {}, given = undefined) {
      const name = network.definitionsAt("gateway");
      const version = 1 + Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
      if (version > 1) stewards = name.split("-").slice(0, -1);
      const record = network.members.get("gateway")!.store.get(groupKey(network.tag, toHex(network.groups.get(name)!)));
      const from = { version, first: version > 1 ? defined + 1 : 0, ...readStanding(record!), ...changed };
      const definitions = definitionsGroup(crypto, avatars(stewards), version);
      told = { stewards: avatars(["gateway", ...stewards]), definitions, definedFrom: from };
      epoch = given;
      network.boot("late", new Map());
    },
  };
}

function after(network: Network, ms: number): void {
  network.run(network.now + ms);
}

const mine = { name: "mine", owners: ["gateway", "late"] };

function agreesOn(network: Network, group: string, value: number): void {
  network.push("late", group, value);
  after(network, 10_000);
  expect(network.entriesOf("late", group)).toContain(value);
  expect(network.entriesOf("gateway", group)).toEqual(network.entriesOf("late", group));
  const { notices, cuts } = network.members.get("late")!;
  expect([...notices, ...cuts, ...network.members.get("gateway")!.notices]).toEqual([]);
}

describe("a newcomer", () => {
  for (const stewards of [["gateway"], ["gateway", "second"]]) {
    const links = everyPair(members);
    it(`hears nothing of what ${stewards.join(" and ")} defined before it came, and all that comes after`, () => {
      const heard = [3, 40].map((defined) => {
        const { network, arrive, heard } = scene(defined, { stewards, links });
        arrive();
        network.define("gateway", mine);
        network.connect("late", "gateway");
        after(network, 5_000);
        agreesOn(network, "mine", 7);
        expect(network.members.get("late")!.defined).toEqual(["mine"]);
        return heard();
      });
      // An HFG has a byte more or less.
      expect(Math.abs(heard[1]! - heard[0]!)).toBeLessThan(100);
    });
  }

  it("comes to a world in which nothing was defined yet", () => {
    const { network, arrive } = scene(1);
    arrive({ position: 0, entries: 0, lastFinal: null });
    network.connect("late", "gateway");
    network.define("gateway", mine);
    after(network, 5_000);
    agreesOn(network, "mine", 7);
  });

  it("goes on where it was after a restart, before it heard anything and after", () => {
    const { network, arrive } = scene(20);
    arrive();
    for (const heard of [0, 1]) {
      network.crash("late");
      network.boot("late");
      network.connect("late", "gateway");
      if (heard === 0) network.define("gateway", mine);
      after(network, 5_000);
    }
    agreesOn(network, "mine", 7);
    network.crash("late");
    network.define("gateway", { name: "more", owners: ["gateway", "late"] });
    after(network, 1_000);
    network.boot("late");
    network.connect("late", "gateway");
    after(network, 5_000);
    agreesOn(network, "more", 8);
  });

  it("keeps it in a flash, and goes on by that", () => {
    const { network, arrive } = scene(20, { flash: { late: 128 } });
    arrive();
    network.connect("late", "gateway");
    network.define("gateway", mine);
    after(network, 5_000);
    network.crash("late");
    network.boot("late");
    network.connect("late", "gateway");
    after(network, 1_000);
    agreesOn(network, "mine", 7);
  });

  it("begins with the group in which other stewards define by now, and follows them to the next ones", () => {
    const { network, arrive, heard } = scene(30, { links: everyPair(members) });
    network.changeStewards("gateway", ["gateway", "second"]);
    after(network, 3_000);
    network.define("second", { name: "theirs", owners: ["gateway", "second"] });
    after(network, 5_000);
    arrive();
    network.connect("late", "gateway");
    network.connect("late", "second");
    network.define("second", mine);
    after(network, 5_000);
    agreesOn(network, "mine", 7);
    expect(heard()).toBeLessThan(20_000);
    // By the numbers that all others know them by: the change of stewards was the 31st, and one came between.
    const { store } = network.members.get("late")!;
    expect([...store.keys()].filter((key) => key.startsWith(definedKeys(network.tag)))).toEqual([
      definedKey(network.tag, 32),
    ]);
    network.changeStewards("second", ["second"]);
    after(network, 8_000);
    network.define("second", { name: "later", owners: ["gateway", "late"] });
    after(network, 5_000);
    agreesOn(network, "later", 8);
    network.crash("late");
    network.boot("late");
    network.connect("late", "second");
    network.define("second", { name: "last", owners: ["late", "second"] });
    after(network, 5_000);
    expect(network.members.get("late")!.defined).toEqual(["mine", "second-2", "later", "last"]);
  });

  it("neither harms nor is harmed by a neighbour that is behind where it began", () => {
    const { network, arrive } = scene(0, { stewards: ["gateway", "board"], links: everyPair(members) });
    network.crash("second");
    for (let each = 0; each < 20; each++) {
      network.define("gateway", { name: `away-${each}`, owners: ["gateway", "second"] });
      after(network, 500);
    }
    arrive();
    network.boot("second");
    network.connect("late", "second");
    after(network, 60_000);
    expect(network.members.get("second")!.defined).toEqual([]);
    network.connect("second", "gateway");
    network.connect("late", "gateway");
    after(network, 20_000);
    expect(network.members.get("second")!.defined).toHaveLength(20);
    network.define("gateway", mine);
    after(network, 5_000);
    agreesOn(network, "mine", 7);
    expect(network.members.get("second")!.notices).toEqual([]);
  });

  it("believes no neighbour's word of how far the definitions are", () => {
    const { network, arrive } = scene(5);
    arrive();
    network.connect("late", "gateway");
    const group = network.groups.get("definitions")!;
    for (const position of [0, 3, 1_000_000]) {
      const frontier = { highestFinalizableGeneration: -1, tip: null, attempt: 0, locks: [] };
      network.inject(
        "late",
        "gateway",
        encodeMessage({ type: "frontier", frontier: { ...frontier, positions: [[group, position]] } }),
      );
      after(network, 20_000);
    }
    network.define("gateway", mine);
    after(network, 5_000);
    agreesOn(network, "mine", 7);
  });

  it("only waits where the definitions never come to where it was told", () => {
    const { network, arrive } = scene(5);
    arrive({ position: 400, entries: 400 });
    network.connect("late", "gateway");
    network.define("gateway", mine);
    after(network, 60_000);
    const { defined, notices, cuts } = network.members.get("late")!;
    expect([defined, notices, cuts, network.members.get("gateway")!.notices]).toEqual([[], [], [], []]);
  });

  it("comes in the present epoch, reads of none before, and goes on in the next ones", () => {
    const strangers = ["late"];
    const { network, arrive } = scene(3, { links: everyPair(members), strangers });
    network.expel("gateway", "second");
    after(network, 1_000);
    const secret = () => network.members.get("gateway")!.participant.membership(network.tag);
    arrive({}, { number: 1, secret: secret().epochs.get(1)!.secret! });
    strangers.pop();
    // Whoever was expelled holds the key of the world, and comes by that.
    network.connect("late", "second");
    expect(network.members.get("late")!.peers.size).toBe(0);
    network.connect("late", "gateway");
    network.define("gateway", mine);
    after(network, 3_000);
    network.expel("gateway", "board");
    after(network, 3_000);
    const { participant } = network.members.get("late")!;
    const { epoch, counted, keyed } = participant.membership(network.tag);
    expect({ epoch, counted, keyed }).toEqual({ epoch: 2, counted: 2, keyed: 2 });
    expect(network.epochOf("late", "gateway")).toBe(2);
    expect(secretOf(participant.membership(network.tag), 0)).toBeUndefined();
    agreesOn(network, "mine", 7);
    network.crash("late");
    network.boot("late");
    expect(network.members.get("late")!.participant.membership(network.tag)).toMatchObject({ epoch: 2, counted: 2 });
  });
});
