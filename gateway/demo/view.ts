import type { Why } from "../../firmware/core/capability/capabilities";
import { duration, fit, paint, type Text, visible } from "../system/text";
import type { BoardReport } from "./board-report";
import type { Order } from "./order";
import type { Thermostat } from "./thermostat";

/** What the live view shows at one moment. */
export interface Moment {
  readonly world: string;
  /** Of the world: for those who look at it from another terminal. */
  readonly directory: string;
  readonly seconds: number;
  readonly generation: number;
  readonly attempt: number;
  /** Final entries in the last seconds, per second. */
  readonly throughput: number;
  readonly boards: readonly BoardReport[];
  readonly thermostat: Thermostat;
  readonly groups: readonly { readonly name: string; readonly order: Order }[];
  /** The last final entries, the newest first. */
  readonly last: readonly { readonly where: string; readonly issuer: string; readonly content: string }[];
  readonly footer: string;
}

const mostGroups = 8;

/** The view as lines of at most 80 columns; 24 of them. */
export function renderMoment(moment: Moment): Text[] {
  const { boards, groups, last } = moment;
  const entries = groups.reduce((sum, group) => sum + group.order.entries, 0);
  const lines: Text[] = [
    [paint(["bold", "inverse"], " Vertebra "), ` world ${moment.world.slice(0, 16)}, running for ${moment.seconds} s`],
    ` generation ${moment.generation}, attempt ${moment.attempt}; ${entries} entries final, ${moment.throughput.toFixed(1)} a second`,
    fit(` from another terminal: npx vertebra tail --dir ${moment.directory}`, 79),
    heading([
      [9, "BOARD"],
      [6, "LINK"],
      [34, "ENGINE"],
      [7, "PUSHED"],
      [7, "SEALED"],
      [6, "FINAL"],
      [8, "MEDIAN"],
    ]),
    ...boards.map(boardLine),
    "",
    ...thermostatLines(moment.thermostat),
    "",
    heading([
      [20, "GROUP"],
      [8, "BLOCKS"],
      [12, "ENTRIES"],
      [20, "GROUP"],
      [8, "BLOCKS"],
      [9, "ENTRIES"],
    ]),
    ...groupLines(groups),
    "",
    heading([
      [24, "LAST FINAL ENTRIES"],
      [9, "ISSUER"],
      [44, ""],
    ]),
  ];
  const room = 24 - lines.length - 2;
  lines.push(
    ...last.slice(0, room).map(({ where, issuer, content }) =>
      row([
        [24, where],
        [9, issuer],
        [44, content],
      ]),
    ),
  );
  lines.push(...Array.from({ length: 24 - 1 - lines.length }, () => ""), [" ", paint("dim", fit(moment.footer, 78))]);
  return lines;
}

function boardLine(board: BoardReport): Text {
  const { name, emulated, linkUp, engine, crypto, pushed, sealed, finalized, latencies } = board;
  const median = latencies.quantile(0.5);
  const link = paint(linkUp ? "green" : "red", cell(6, linkUp ? "up" : "down"));
  const machine = emulated ? "RV32: " : "";
  const state = `${machine}${engine === "" ? "starting" : `${engine}, ${crypto}`}`;
  const rest = row([
    [34, state],
    [7, `${pushed}`],
    [7, `${sealed}`],
    [6, `${finalized}`],
    [8, median === null ? "" : duration(Math.round(median))],
  ]);
  return [" ", cell(9, name), link, rest.slice(1)];
}

/** The last state of the relay in words, and how the saga came to it. */
function thermostatLines({ celsius, relay, operated, expired, latencies, pull }: Thermostat): Text[] {
  const median = latencies.quantile(0.5);
  const took = median === null ? "" : `, ${(median / 1000).toFixed(1)} s after the reading`;
  const cable = pull !== null && pull.pluggedAt === null ? paint("red", "out") : paint("green", "in");
  const on = relay?.value === true;
  const state = paint(on ? "green" : "yellow", cell(4, relay === null ? "–" : on ? "ON" : "OFF"));
  return [
    heading([[79, "SAGA thermostat: readings of board-1 move the relay of board-2"]]),
    [
      ` reading ${cell(10, celsius === null ? "–" : `${celsius.toFixed(1)} °C`)}relay `,
      state,
      ` ${cell(34, because[relay?.why ?? "boot"])}cable `,
      cable,
    ],
    row([[79, `operated ${operated} times${took}; ${expired} came too late for it`]]),
  ];
}

const because: Record<Why, string> = {
  boot: "safe since its start",
  operated: "operated by the saga",
  lease: "let go: its lease was not renewed",
  silence: "let go: its link is silent",
  interlock: "barred by an interlock",
  stop: "held by the emergency stop",
};

/** Two groups a line; those that nothing is in are left out. */
function groupLines(groups: Moment["groups"]): string[] {
  const used = groups.filter(({ order }) => order.blocks > 0).slice(0, mostGroups);
  return Array.from({ length: Math.ceil(used.length / 2) }, (_, line) =>
    row(
      used.slice(2 * line, 2 * line + 2).flatMap(({ name, order }): Cell[] => [
        [20, name],
        [8, `${order.blocks}`],
        [12, `${order.entries}`],
      ]),
    ),
  );
}

type Cell = readonly [width: number, text: string];

function row(cells: readonly Cell[]): string {
  return ` ${cells.map(([width, text]) => cell(width, text)).join("")}`.trimEnd();
}

function heading(cells: readonly Cell[]): Text {
  return paint("dim", row(cells));
}

/** Cut to its width, a space after it included. */
function cell(width: number, text: string): string {
  const shown = visible(text);
  return shown.length < width ? shown.padEnd(width) : `${shown.slice(0, width - 2)}… `;
}
