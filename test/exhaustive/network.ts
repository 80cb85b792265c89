import type { Quorum } from "../../firmware/core/wire/types";
import { describe } from "./describe";
import { createLiar, type Menu } from "./liar";
import type { Happening } from "./member";
import { participants, type Scenario } from "./scenario";
import type { Step, Steps } from "./steps";

/** What is enumerated, and up to where. */
export interface Bounds {
  readonly quorum: Quorum;
  /** Each with each, or A and B with C alone, which relays between them. */
  readonly links: "triangle" | "line";
  /** Links keep the order of what one sends to another, as sessions do; else any message may come before any other. */
  readonly inOrder: boolean;
  /** Timers that fire, in all, at any moment and anybody's; the network is fair and at rest after. */
  readonly alarms: number;
  /** Attempts per generation: a timer that would begin one more does not fire. */
  readonly attempts: number;
  /** Times that somebody, anybody, is switched off, at any moment, and on again, at any later one. */
  readonly crashes: number;
  /** The third participant lies: how often, each time to one of the others, and what it chooses from. */
  readonly liar?: { readonly lies: number; readonly menu: Menu };
  /** Stops there, and says so: what it saw until then is a sample, drawn by this seed. */
  readonly mostStates: number;
  readonly seed: number;
}

/** The whole network: states of participants and messages on their way, all as numbers. */
export interface Network {
  readonly states: readonly number[];
  /** Whose power is off. */
  readonly off: number;
  /** By sender * participants + receiver. */
  readonly links: readonly (readonly number[])[];
  readonly alarms: number;
  readonly crashes: number;
  readonly lies: number;
  readonly heard: readonly number[];
  /** What the liar said: messages of its menu, by receiver. */
  readonly said: readonly number[];
}

export interface Move {
  /** For the trace of a failure. */
  readonly name: () => string;
  readonly next: Network;
}

const nobody = -1;
const liarIs = 2;
const relay = 2;
const mostStepsToRest = 600;

export interface Moves {
  start(): Network;
  of(network: Network, attemptCut: () => void): Move[];
  broken(network: Network): string | undefined;
  isSplit(network: Network): boolean;
  allFinal(network: Network): boolean;
  /** Steps until everything is final when messages come in turn and timers fire in the order of time; undefined if never. */
  runOn(network: Network, settled: Set<string>): number | undefined;
}

export function createMoves(bounds: Bounds, scenario: Scenario, steps: Steps): Moves {
  const liar = bounds.liar === undefined ? undefined : createLiar(scenario, liarIs, bounds.liar.menu);
  const honest = liar === undefined ? [0, 1, 2] : [0, 1];
  const names = ["A", "B", "C"];

  const connected = (other: number): Happening => ({
    kind: "connected",
    world: scenario.tag,
    peer: other + 1,
    avatar: scenario.avatars[other]!,
  });
  const disconnected = (other: number): Happening => ({ kind: "disconnected", peer: other + 1 });

  const linked = (a: number, b: number) => a !== b && (bounds.links === "triangle" || a === relay || b === relay);

  /** The network after `who` took this step. */
  function after(network: Network, who: number, step: Step): Network {
    const states = network.states.slice();
    states[who] = step.next;
    if (step.sends.length === 0) return { ...network, states };
    const links = network.links.slice();
    let heard = network.heard;
    for (const [to, message] of step.sends) {
      if (to === network.off) continue;
      if (liar !== undefined && to === liarIs) {
        if (liar.heeds(steps.bytesOf(message)) && !heard.includes(message))
          heard = [...heard, message].sort((a, b) => a - b);
        continue;
      }
      const link = who * participants + to;
      links[link] = [...links[link]!, message];
    }
    return { ...network, states, links, heard };
  }

  function happen(network: Network, who: number, key: string, happening: () => Happening): Network {
    return after(network, who, steps.step(who, network.states[who]!, key, happening));
  }

  function deliver(network: Network, from: number, to: number, place: number): Network {
    const link = from * participants + to;
    const message = network.links[link]![place]!;
    const links = network.links.slice();
    links[link] = [...network.links[link]!.slice(0, place), ...network.links[link]!.slice(place + 1)];
    return happen({ ...network, links }, to, `m${from}:${message}`, () => ({
      kind: "message",
      peer: from + 1,
      bytes: steps.bytesOf(message),
    }));
  }

  function switchOff(network: Network, who: number): Network {
    const links = network.links.map((link, index) =>
      Math.floor(index / participants) === who || index % participants === who ? [] : link,
    );
    let next: Network = { ...network, links, off: who, crashes: network.crashes - 1 };
    for (const other of honest) if (linked(who, other)) next = happen(next, other, `d${who}`, () => disconnected(who));
    return next;
  }

  function switchOn(network: Network): Network {
    const who = network.off;
    let next = happen({ ...network, off: nobody }, who, "restart", () => ({ kind: "restart" }));
    for (let other = 0; other < participants; other++) {
      if (!linked(who, other)) continue;
      next = happen(next, who, `c${other}`, () => connected(other));
      if (honest.includes(other)) next = happen(next, other, `c${who}`, () => connected(who));
    }
    return next;
  }

  function alarm(network: Network, who: number): Network {
    return happen(network, who, "alarm", () => ({ kind: "alarm" }));
  }

  const isOn = (network: Network, who: number) => who !== network.off;
  const wakes = (network: Network, who: number) => {
    const { now, wake } = steps.snapshot(who, network.states[who]!);
    return Math.max(0, wake - now);
  };
  const attemptOf = (network: Network, who: number) => {
    const [world] = steps.snapshot(who, network.states[who]!).worlds.values();
    return (world as { readonly attempt: number }).attempt;
  };
  const finalsOf = (network: Network, who: number) => steps.snapshot(who, network.states[who]!).finals;

  const moves: Moves = {
    start() {
      let network: Network = {
        states: scenario.members.map((member, who) => steps.intern(who, member.first)),
        off: nobody,
        links: Array.from({ length: participants * participants }, () => []),
        alarms: bounds.alarms,
        crashes: bounds.crashes,
        lies: bounds.liar?.lies ?? 0,
        heard: [],
        said: [],
      };
      for (const who of honest) {
        for (let other = 0; other < participants; other++) {
          if (linked(who, other)) network = happen(network, who, `c${other}`, () => connected(other));
        }
      }
      network = drain(network);
      // Two blocks that compete for the first slot.
      for (const who of [0, 1]) {
        const entry = scenario.entry(who + 1);
        const push: Happening = {
          kind: "push",
          world: scenario.tag,
          group: scenario.group,
          entry,
          id: null,
          token: who,
        };
        network = happen(network, who, "push", () => push);
        network = happen(network, who, "flush", () => ({ kind: "flush" }));
      }
      return network;
    },
    of(network, attemptCut) {
      const found: Move[] = [];
      for (const from of honestOrLiar()) {
        for (const to of honest) {
          const link = network.links[from * participants + to]!;
          for (const [place, message] of link.entries()) {
            if (place > 0 && bounds.inOrder) break;
            if (link.indexOf(message) !== place) continue;
            const name = () => `${names[from]} to ${names[to]}: ${describe(scenario, steps.bytesOf(message))}`;
            found.push({ name, next: deliver(network, from, to, place) });
          }
        }
      }
      for (const who of honest) {
        if (!isOn(network, who)) continue;
        if (network.alarms > 0 && wakes(network, who) < Number.POSITIVE_INFINITY) {
          const next = alarm({ ...network, alarms: network.alarms - 1 }, who);
          if (attemptOf(next, who) < bounds.attempts) found.push({ name: () => `a timer of ${names[who]}`, next });
          else attemptCut();
        }
        if (network.crashes > 0 && network.off === nobody)
          found.push({ name: () => `${names[who]} goes off`, next: switchOff(network, who) });
      }
      if (network.off !== nobody)
        found.push({ name: () => `${names[network.off]} comes back`, next: switchOn(network) });
      if (liar !== undefined && network.lies > 0) found.push(...liesIn(network));
      return found;
    },
    broken(network) {
      for (const a of honest) {
        for (const b of honest) {
          const [ofA, ofB] = [finalsOf(network, a), finalsOf(network, b)];
          if (ofA.some((block, place) => ofB[place] !== undefined && ofB[place] !== block))
            return `${names[a]} and ${names[b]} have different blocks final in one slot`;
        }
        if (new Set(finalsOf(network, a)).size < finalsOf(network, a).length)
          return `${names[a]} has a block final twice`;
      }
      return undefined;
    },
    isSplit(network) {
      const claimed = new Set(honest.map((who) => firstClaim(steps, who, network.states[who]!)));
      claimed.delete(undefined);
      return claimed.size > 1;
    },
    allFinal: (network) => honest.every((who) => finalsOf(network, who).length >= 2),
    runOn(network, settled) {
      const passed: string[] = [];
      let at = network.off === nobody ? network : switchOn(network);
      for (let step = 0; step < mostStepsToRest; step++) {
        at = drain({ ...at, alarms: 0, crashes: 0, lies: 0 });
        const key = wordsOf(at).join();
        if (moves.allFinal(at) || settled.has(key)) {
          for (const each of passed) settled.add(each);
          return step;
        }
        passed.push(key);
        const soonest = Math.min(...honest.map((who) => wakes(at, who)));
        if (soonest === Number.POSITIVE_INFINITY) return undefined;
        const due = honest.find((who) => wakes(at, who) === soonest)!;
        for (const who of honest) {
          if (who !== due && soonest > 0) at = happen(at, who, `p${soonest}`, () => ({ kind: "pass", ms: soonest }));
        }
        at = alarm(at, due);
      }
      return undefined;
    },
  };

  function honestOrLiar(): number[] {
    return liar === undefined ? honest : [...honest, liarIs];
  }

  /** Delivers everything, one message of each link in turn. */
  function drain(network: Network): Network {
    let at = network;
    for (let delivered = true; delivered; ) {
      delivered = false;
      for (const [index, link] of at.links.entries()) {
        if (link.length === 0) continue;
        at = deliver(at, Math.floor(index / participants), index % participants, 0);
        delivered = true;
      }
    }
    return at;
  }

  function liesIn(network: Network): Move[] {
    const found: Move[] = [];
    const menu = liar!.menu(network.heard.map((message) => steps.bytesOf(message)));
    for (const bytes of menu) {
      const message = steps.message(bytes);
      for (const to of honest) {
        const saying = message * participants + to;
        if (network.said.includes(saying)) continue;
        const link = liarIs * participants + to;
        const links = network.links.slice();
        links[link] = [...links[link]!, message];
        const said = [...network.said, saying].sort((a, b) => a - b);
        found.push({
          name: () => `C says to ${names[to]}: ${describe(scenario, bytes)}`,
          next: { ...network, links, said, lies: network.lies - 1 },
        });
      }
    }
    return found;
  }
  return moves;
}

/** All of a network's state as numbers; -2 ends each list. */
export function wordsOf({ states, off, links, alarms, crashes, heard, said }: Network): number[] {
  const words = [...states, off, alarms, crashes, ...heard, -2, ...said, -2];
  for (const link of links) words.push(...link, -2);
  return words;
}

function firstClaim(steps: Steps, who: number, state: number): string | undefined {
  const [world] = steps.snapshot(who, state).worlds.values();
  const [group] = (
    world as { readonly groups: ReadonlyMap<string, { readonly slots: ReadonlyMap<number, unknown> }> }
  ).groups.values();
  const slot = group!.slots.get(0) as { readonly claim: { readonly block: Uint8Array } | null } | undefined;
  return slot?.claim?.block.join();
}
