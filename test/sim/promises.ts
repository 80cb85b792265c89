import { toHex } from "../../firmware/core/wire/bytes";
import type { BlockHeader, View } from "../../firmware/core/wire/types";
import type { DurableSlot } from "./durable";
import type { KnownLock, KnownMetablock, KnownReference, Ledger, Told, Vote } from "./ledger";
import type { Group, Member } from "./world";

/**
 * What an honest signer promises by signing, held against all that it ever sent, through all its crashes: the rules of PROTOCOL 6
 * told from outside, by one who sees the whole wire and none of anybody's state.
 */
export interface Promises {
  /** An honest member sent this, which was so manieth to be signed: it may be sent much later. */
  told(member: Member, told: Told, serial: number): void;
}

interface Word {
  readonly block: string;
  readonly view: View;
  /** Which of all signatures of the world it was. */
  readonly serial: number;
}

interface Record {
  /** Blocks voted for as a metablock's own, and as a parent's (with that parent's view). */
  readonly claims: Word[];
  readonly closings: Word[];
}

interface Signer {
  /** Of the word that is being judged. */
  serial: number;
  readonly issued: Map<string, string>;
  readonly counters: Map<string, string>;
  readonly slots: Map<string, Record>;
}

export function createPromises(
  ledger: Ledger,
  /** What the member has in its store of a slot; undefined where that is final there. */
  durable: (member: Member, group: Group, position: number) => DurableSlot | undefined,
  /** The block that is final at the slot anywhere among the honest, and where else a block is. */
  finals: { at(group: Group, position: number): string | undefined; placeOf(block: string): number | undefined },
  /** Whether everybody is shown all of every metablock of its groups. */
  allSee: boolean,
  fail: (what: string) => void,
): Promises {
  const signers = new Map<string, Signer>();

  function recordAt({ slots }: Signer, slot: string): Record {
    const known = slots.get(slot) ?? { claims: [], closings: [] };
    slots.set(slot, known);
    return known;
  }

  function claim(member: Member, signer: Signer, metablock: KnownMetablock, reference: KnownReference): void {
    const { slot, blockKey: block } = reference;
    const record = recordAt(signer, slot);
    const word = { block, view: metablock.header, serial: signer.serial };
    const what = `${member.name} certified ${showWord(word)} in slot ${show(slot)}`;
    for (const other of record.claims) {
      if (other.block === block) continue;
      const [first, second] = other.serial < word.serial ? [other, word] : [word, other];
      if (!isAbove(second.view, first.view)) fail(`${what}, and ${showWord(other)} there too`);
    }
    for (const locked of record.closings) {
      if (locked.block === block || locked.serial > word.serial || releasedFrom(slot, locked, block)) continue;
      fail(`${what} against its lock on ${showWord(locked)}`);
    }
    checkClaimKept(member, reference, word, what);
    record.claims.push(word);
  }

  /** "Then it updates the claims, writes claims, locks and HFG durably, and only then sends." */
  function checkClaimKept(member: Member, reference: KnownReference, { block, view }: Word, what: string): void {
    const slot = durable(member, ledger.groupOf(reference)!, reference.position);
    if (slot === undefined || slot.final !== null) return;
    const { claim } = slot;
    const kept = claim !== null && (claim.block === block ? claim.view : laterOf(claim.view, claim.otherView));
    if (!kept || isAbove(view, kept)) fail(`${what}, and its store has no such claim`);
  }

  /** Who helps to close a block has it locked, so that it can't vote against it later. */
  function checkLockKept(member: Member, reference: KnownReference, closed: Word, what: string): void {
    const slot = durable(member, ledger.groupOf(reference)!, reference.position);
    if (slot === undefined || slot.final !== null) return;
    const { lock } = slot;
    const kept = lock === null ? isVoid(reference.slot, closed) : !isAbove(closed.view, lock.view);
    if (!kept) fail(`${what}, and its store has no such lock`);
  }

  /** A lock is void when its block is final elsewhere, or the history before it is not its own. */
  function isVoid(slot: string, locked: Word): boolean {
    const [group, position] = slot.split("/") as [string, string];
    const at = finals.placeOf(locked.block);
    if (at !== undefined && at !== Number(position)) return true;
    for (const { references } of ledger.metablocks.values()) {
      for (const reference of references.values()) {
        if (reference.position >= Number(position) || reference.groupKey !== group) continue;
        const owner = ledger.groupOf(reference);
        const final = owner && finals.at(owner, reference.position);
        if (final !== undefined && final !== reference.blockKey) return true;
      }
    }
    return false;
  }

  /** A lock yields to one of a later view. */
  function releasedFrom(slot: string, locked: Word, block: string): boolean {
    if (isVoid(slot, locked)) return true;
    for (const metablock of ledger.metablocks.values()) {
      for (const [index, reference] of metablock.references) {
        if (reference.slot !== slot || reference.blockKey !== block) continue;
        if (isAbove(metablock.header, locked.view) && ledger.isCertified(metablock, index)) return true;
      }
    }
    return false;
  }

  function close(
    member: Member,
    signer: Signer,
    child: KnownMetablock,
    parent: KnownMetablock,
    index: number,
    reference: KnownReference,
  ): void {
    const { slot, blockKey: block } = reference;
    const record = recordAt(signer, slot);
    const what = `${member.name} closed ${short(block)} in slot ${show(slot)} of view ${showView(parent.header)}`;
    const group = ledger.groupOf(reference)!;
    // Who votes for what is final already says nothing new.
    if (finals.at(group, reference.position) === block) return;
    if (child.header.releasedGroups.some((id) => toHex(id) === group.key)) fail(`${what}, which the child releases`);
    // Its own certificate may have reached nobody yet.
    if (!ledger.isCertified(parent, index, member.key)) fail(`${what}, where its owners' quorum had not certified it`);
    for (const before of record.claims) {
      if (before.block === block || before.serial > signer.serial) continue;
      if (isAbove(before.view, parent.header)) fail(`${what}, after it certified ${showWord(before)} there`);
    }
    const closed = { block, view: parent.header, serial: signer.serial };
    checkLockKept(member, reference, closed, what);
    record.closings.push(closed);
  }

  function vote(member: Member, signer: Signer, metablock: KnownMetablock, scope: Vote): void {
    const owns = (reference: KnownReference | undefined): reference is KnownReference =>
      reference !== undefined && ledger.groupOf(reference)?.ownerKeys.includes(member.key) === true;
    const parents = ledger.parentsOf(metablock);
    const closed =
      scope?.parents ??
      parents.flatMap((parent, at) => [...(parent?.references ?? [])].map(([index]) => [at, index] as const));
    const released = ({ groupKey }: KnownReference) =>
      metablock.header.releasedGroups.some((each) => toHex(each) === groupKey);
    for (const [at, index] of closed) {
      const reference = parents[at]?.references.get(index);
      if (scope !== null && !owns(reference)) fail(`${member.name} closed what is not its own, or was shown to nobody`);
      if (owns(reference) && !(scope === null && released(reference)))
        close(member, signer, metablock, parents[at]!, index, reference);
    }
    // "The block is in the finality window once": as far as one can see, and a liar may hide some of it.
    const window = new Set(
      parents.flatMap((parent) =>
        [...(parent?.references.values() ?? [])].filter((each) => !released(each)).map(({ blockKey }) => blockKey),
      ),
    );
    for (const index of scope?.own ?? metablock.references.keys()) {
      const reference = metablock.references.get(index);
      if (owns(reference)) {
        if (allSee && window.has(reference.blockKey))
          fail(`${member.name} certified ${short(reference.blockKey)} twice in one finality window`);
        window.add(reference.blockKey);
        claim(member, signer, metablock, reference);
      } else if (scope !== null) fail(`${member.name} certified what is not its own, or was shown to nobody`);
    }
  }

  function issue(member: Member, signer: Signer, metablock: KnownMetablock): void {
    const view = showView(metablock.header);
    const before = signer.issued.get(view);
    if (before === metablock.id) return;
    if (before !== undefined) fail(`${member.name} issued two metablocks in view ${view}`);
    signer.issued.set(view, metablock.id);
    vote(member, signer, metablock, null);
  }

  function block(member: Member, signer: Signer, id: string, header: BlockHeader): void {
    const counter = `${toHex(header.group)}/${header.counter}`;
    const before = signer.counters.get(counter);
    if (before !== undefined && before !== id) fail(`${member.name} used counter ${header.counter} for two blocks`);
    signer.counters.set(counter, id);
  }

  /** A lock that it tells is one that it keeps. */
  function lock(signer: Signer, { slot, block, view }: KnownLock): void {
    recordAt(signer, slot).closings.push({ block, view, serial: signer.serial });
  }

  return {
    told(member, told, serial) {
      const known = signers.get(member.name);
      const signer: Signer = known ?? { serial, issued: new Map(), counters: new Map(), slots: new Map() };
      signer.serial = serial;
      signers.set(member.name, signer);
      if (told.kind === "block") block(member, signer, told.id, told.header);
      else if (told.kind === "metablock") issue(member, signer, told.metablock);
      else if (told.kind === "certificate") vote(member, signer, told.metablock, told.scope);
      else for (const each of told.locks) lock(signer, each);
    },
  };
}

function isAbove(a: View, b: View): boolean {
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.attempt > b.attempt);
}

function laterOf(a: View, b: View | null): View {
  return b !== null && isAbove(b, a) ? b : a;
}

function showView({ sequence, attempt }: View): string {
  return `${sequence}.${attempt}`;
}

function show(slot: string): string {
  return `${slot.slice(0, 8)}${slot.slice(64)}`;
}

function showWord({ block, view }: Word): string {
  return `${short(block)} of view ${showView(view)}`;
}

function short(hex: string): string {
  return hex.slice(0, 8);
}
