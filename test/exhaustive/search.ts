import { type Bounds, createMoves, type Move, type Network, wordsOf } from "./network";
import { createScenario } from "./scenario";
import { createSeen } from "./seen";
import { createSteps } from "./steps";

export interface Found {
  /** Different states of the whole network. */
  states: number;
  /** Different states of each participant. */
  ofEach: readonly number[];
  transitions: number;
  /** States in which nothing is left to choose: from there the network runs on by itself. */
  ends: number;
  /** Ends at which everything was final already. */
  finalAtEnd: number;
  /** Ends from which everything became final when the network ran on. */
  finalLater: number;
  /** Most steps that it took, from an end, until everything was final. */
  longestWay: number;
  /** Timers not fired since they would have begun an attempt too many. */
  attemptsCut: number;
  /** Everything within the bounds was seen. */
  complete: boolean;
  /** What went wrong, with what happened from the start. */
  failure: { readonly what: string; readonly trace: readonly string[] } | undefined;
  /** States in which two different blocks were claimed for the first slot. */
  splitVotes: number;
}

export function search(bounds: Bounds): Found {
  const scenario = createScenario(bounds.quorum);
  const steps = createSteps(scenario.members);
  const moves = createMoves(bounds, scenario, steps);
  const found: Found = {
    states: 0,
    ofEach: [],
    transitions: 0,
    ends: 0,
    finalAtEnd: 0,
    finalLater: 0,
    longestWay: 0,
    attemptsCut: 0,
    complete: true,
    failure: undefined,
    splitVotes: 0,
  };
  const seen = createSeen();
  const settled = new Set<string>();
  const shuffle = createShuffle(bounds.seed);
  const stack: { readonly network: Network; readonly moves: Move[]; readonly name: () => string }[] = [];

  const fail = (what: string) => {
    found.complete = false;
    found.failure ??= { what, trace: stack.map(({ name }) => name()) };
  };
  const visit = (network: Network, name: () => string) => {
    if (seen.size >= bounds.mostStates) {
      found.complete = false;
      return;
    }
    if (!seen.add(wordsOf(network))) return;
    const broken = moves.broken(network);
    const next: Move[] = [];
    stack.push({ network, moves: next, name });
    if (broken !== undefined) return fail(broken);
    try {
      next.push(...shuffle(moves.of(network, () => found.attemptsCut++)));
    } catch (error) {
      return fail(`a participant stopped: ${(error as Error).message}`);
    }
    if (moves.isSplit(network)) found.splitVotes++;
    found.transitions += next.length;
    if (next.length === 0) {
      found.ends++;
      if (moves.allFinal(network)) found.finalAtEnd++;
      else if (bounds.liar === undefined) {
        const way = moves.runOn(network, settled);
        if (way === undefined) fail("not everything became final when the network was left alone");
        else {
          found.finalLater++;
          found.longestWay = Math.max(found.longestWay, way);
        }
      }
    }
  };
  visit(moves.start(), () => "the start");
  while (stack.length > 0 && found.failure === undefined) {
    const top = stack[stack.length - 1]!;
    const move = top.moves.pop();
    if (move === undefined) stack.pop();
    else visit(move.next, move.name);
  }
  found.states = seen.size;
  found.ofEach = scenario.members.map((_, who) => steps.statesOf(who));
  return found;
}

/** Puts moves into another order, the same one for the same seed: what is tried first is not always the same participant's. */
function createShuffle(seed: number): (moves: Move[]) => Move[] {
  let state = seed;
  return (moves) => {
    for (let last = moves.length - 1; last > 0; last--) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const other = Math.floor((state / 2 ** 32) * (last + 1));
      [moves[last], moves[other]] = [moves[other]!, moves[last]!];
    }
    return moves;
  };
}
