import { equal } from "../../firmware/core/wire/bytes";
import { type Checkers, isSuspect } from "./checkers";
import type { Goal } from "./goals";
import type { Step } from "./plan";
import { type Group, isUp, type Member, type Watcher, type World } from "./world";

/** What readers and writers are told: each final block once and in order, and of each push what became of it. */
export interface ToldCheck {
  readonly watcher: Watcher;
  /** Of what was pushed to these groups, what its writer was told nothing of yet; undefined where there is none. */
  owed(goals: readonly Goal[]): string | undefined;
  /** When all is at rest: nobody is owed a word any more. */
  settle(goals: readonly Goal[]): void;
}

export function checkTold(worldOf: () => World, checkers: Checkers): ToldCheck {
  /** By member and group: the position that its reader hears of next. */
  const next = new Map<string, number>();
  /** By member: values pushed of which it was told nothing yet, and their groups. */
  const owed = new Map<string, Map<number, Group>>();
  const { fail } = checkers;
  const owedTo = ({ name }: Member) => owed.get(name) ?? new Map<number, Group>();
  const groupOf = (id: Uint8Array) => [...worldOf().groups.values()].find((group) => equal(group.id, id))!;

  /** Tokens of sagas are numbered by their conductors: those worlds are judged by what their sagas come to. */
  const isJudged = (member: Member) => worldOf().plan.sagas === undefined && !isSuspect(worldOf(), member);

  function answered(member: Member, tokens: readonly number[], how: string): void {
    const waiting = owedTo(member);
    for (const token of tokens) {
      if (!waiting.delete(token)) fail(`${member.name} was told that ${token} is ${how}, which nobody there waits for`);
    }
  }

  function owedIn(goals: readonly Goal[]): string | undefined {
    for (const { group, able } of goals) {
      for (const member of able) {
        const values = [...owedTo(member)].filter(([, of]) => of === group).map(([value]) => value);
        if (values.length > 0) return `${member.name} was not told what became of ${values}, pushed to ${group.name}`;
      }
    }
    return undefined;
  }

  return {
    watcher: {
      sent() {},
      answered() {},
      wrote() {},
      delivered(member, action) {
        if (action.kind === "final" && !isSuspect(worldOf(), member)) {
          const { position, group } = action.block;
          const key = `${member.name}/${groupOf(group).key}`;
          const expected = next.get(key) ?? 0;
          if (position !== expected)
            fail(`${member.name} was told of slot ${position} of ${groupOf(group).name}, and ${expected} was next`);
          next.set(key, expected + 1);
        }
        if (!isJudged(member)) return;
        if (action.kind === "sealed") answered(member, action.tokens, "sealed");
        else if (action.kind === "refused") answered(member, [action.token], "refused");
      },
      power(member, on) {
        owed.delete(member.name);
        if (!on) return;
        // What its store holds, its reader has from there.
        for (const group of worldOf().groups.values())
          next.set(`${member.name}/${group.key}`, checkers.historyOf(member, group).length);
      },
      ordered() {},
      noted(who, what) {
        const step = JSON.parse(what) as Partial<Step>;
        const member = worldOf().members.get(who);
        if (step.kind !== "push" || member === undefined || !isUp(member) || !isJudged(member)) return;
        // From now on, though one that computes slowly comes to it late.
        owed.set(who, owedTo(member).set(step.value!, worldOf().groups.get(step.group!)!));
      },
    },
    owed: owedIn,
    settle(goals) {
      const lost = owedIn(goals);
      if (lost !== undefined) fail(lost);
      for (const member of worldOf().members.values()) {
        if (member.participant === undefined || isSuspect(worldOf(), member)) continue;
        for (const group of worldOf().groups.values()) {
          const [has, told] = [checkers.historyOf(member, group).length, next.get(`${member.name}/${group.key}`) ?? 0];
          if (told !== has)
            fail(`${member.name} has ${has} final blocks of ${group.name}, and its reader was told ${told}`);
        }
      }
    },
  };
}
