import { equal } from "../../firmware/core/wire/bytes";
import { type Checkers, isSuspect } from "./checkers";
import type { Goal } from "./goals";
import type { Group, Member, Watcher, World } from "./world";

/** What readers and writers are told: each final block once and in order, and of each push what became of it. */
export interface ToldCheck {
  readonly watcher: Watcher;
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

  return {
    watcher: {
      sent() {},
      answered(member, event) {
        if (event.kind !== "push" || !isJudged(member)) return;
        const waiting = owedTo(member);
        owed.set(member.name, waiting);
        waiting.set(event.token, groupOf(event.group));
      },
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
      noted() {},
    },
    settle(goals) {
      for (const { group, able } of goals) {
        for (const member of able) {
          const lost = [...owedTo(member)].filter(([, of]) => of === group).map(([value]) => value);
          if (lost.length > 0) fail(`${member.name} was never told what became of ${lost}, pushed to ${group.name}`);
        }
      }
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
