import { it } from "vitest";
import { chaos, groupsOf } from "./chaos.test";

it("dbg", () => {
  const [g, seed] = process.env.DBG!.split(":");
  const { network } = chaos(Number(seed), Object.values(groupsOf)[Number(g)]!);
  for (const m of network.members.values()) {
    const s = m.participant.status(network.tag);
    console.log(
      m.name,
      m.boots,
      "av",
      s.avatar.slice(0, 6),
      "hfg",
      s.highestFinalizableGeneration,
      "hcg",
      s.highestCertifiedGeneration,
      "att",
      s.attempt,
      "wake",
      m.wake - network.now,
      "peers",
      s.peers.length,
      s.groups
        .map(
          (g) =>
            `${g.pact}: final ${g.finalBlocks} pend ${g.pendingBlocks} own ${g.ownPendingBlocks} lock ${g.lockedSlots} obs ${g.observesUntil}`,
        )
        .join(" | "),
    );
    for (const n of m.notices.slice(0, 3)) console.log("   ", n.error.message);
    for (const k of m.store.keys())
      if (k.includes("/block/")) {
        console.log(
          "   ",
          m.participant.why(network.tag, { block: Uint8Array.from(Buffer.from(k.split("/")[4]!, "hex")) }).sentence,
        );
      }
    const w: any = (m.participant as any).debug?.(network.tag);
    if (w) {
      console.log(
        "   tip",
        w.tip?.key.slice(0, 6),
        w.tip?.view,
        "issued",
        w.issued,
        "proposal",
        w.proposal,
        "missing",
        [...w.missing.keys()].map((k: string) => k.slice(0, 6)),
        "reports",
        JSON.stringify([...w.reports].map(([k, v]: any) => [k.slice(0, 6), v.highestFinalizableGeneration, v.attempt])),
      );
      for (const mb of w.metablocks.values())
        console.log(
          "   mb",
          mb.key.slice(0, 6),
          JSON.stringify(mb.view),
          mb.issuerKey.slice(0, 6),
          "valid",
          mb.valid,
          "standing",
          mb.standing,
          "par",
          mb.header.value.parents.map((p: any) => Buffer.from(p).toString("hex").slice(0, 6)).join(","),
          "refs",
          [...mb.references.values()]
            .map(
              (r: any) =>
                r.groupKey.slice(0, 4) +
                "@" +
                r.value.position +
                ":" +
                Buffer.from(r.value.block).toString("hex").slice(0, 4),
            )
            .join(" "),
          "certs",
          [...mb.certificates.keys()].map((k: any) => k.slice(0, 4)).join(","),
        );
      for (const g of w.groups.values())
        for (const [p, sl] of g.slots)
          console.log(
            "   slot",
            g.pact.name,
            g.key.slice(0, 4),
            p,
            "claim",
            sl.claim &&
              Buffer.from(sl.claim.block).toString("hex").slice(0, 4) +
                JSON.stringify([sl.claim.view, sl.claim.otherView]),
            "lock",
            sl.lock && Buffer.from(sl.lock.block).toString("hex").slice(0, 4) + JSON.stringify(sl.lock.view),
            "final",
            !!sl.final,
          );
      for (const g of w.groups.values())
        console.log(
          "   blocks",
          g.pact.name,
          [...g.blocks]
            .map(
              ([k, b]: any) =>
                k.slice(0, 4) +
                "/" +
                Buffer.from(b.header.value.issuer).toString("hex").slice(0, 4) +
                b.header.value.counter,
            )
            .join(" "),
        );
    }
  }
}, 100000);
