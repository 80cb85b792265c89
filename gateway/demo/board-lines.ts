import { fromHex } from "../../firmware/core/wire/bytes";
import type { Line } from "../../firmware/device/lines";
import type { Catalog } from "../world/catalog";
import type { BoardReport } from "./board-report";
import { addBlock, createOrder } from "./order";

/** Takes what a board printed into what is known of it. */
export function takeLine(catalog: Catalog, report: BoardReport, line: Line): void {
  switch (line.event) {
    case "boot":
      report.engine = line.engine;
      report.crypto = line.crypto;
      break;
    case "sealed":
      report.pending.add(line.block);
      report.sealed += line.entries;
      break;
    case "final":
      takeFinal(catalog, report, line);
      break;
    case "stats":
      report.pushed = line.pushed;
      report.costs = {
        signed: line.signatures,
        verified: line.verified,
        bytesIn: line.bytesIn,
        bytesOut: line.bytesOut,
      };
      break;
  }
}

function takeFinal(catalog: Catalog, report: BoardReport, line: Extract<Line, { event: "final" }>): void {
  const name = catalog.groupOf(fromHex(line.group))?.name ?? line.group;
  const order = report.orders.get(name) ?? createOrder();
  report.orders.set(name, order);
  // Only a private pact hides how many they are, and the demo has none.
  addBlock(order, line);
  if (report.pending.delete(line.block)) report.finalized += line.count;
  if (line.latency) report.latencies.add(line.latency.fromPush);
}
