import type { Command } from "commander";
import { soundWall } from "../../firmware/core/clock";
import type { Json } from "../../firmware/core/pact/json";
import { controlClient } from "../channels/control-client";
import type { Told, ToldOutput, ToldState } from "../saga/timeline";
import { writeJson } from "../system/json";
import { duration, paint, type Style, type Text, widthOf } from "../system/text";
import { shownId, type WorldOptions, worldCommand } from "./options";
import { fitting, print, printJson } from "./output";

export function sagaTimelineCommand(): Command {
  return worldCommand("timeline", "tell an invocation: who ran what, when, why it waited, what came of it", [
    "vertebra saga timeline 5f2c81ab",
    "vertebra saga timeline 5f2c81ab --json",
  ])
    .argument("<id>", "four digits of its id or more; `vertebra saga list` shows them", shownId)
    .addHelpText(
      "after",
      `
Times are those of blocks by their issuers' clocks, from when it was begun. What it took
to become final is in the wait for a turn.`,
    )
    .action(async (id: string, options: WorldOptions) => {
      const told = await controlClient(options.dir).get<Told>(`/sagas/${encodeURIComponent(id)}`);
      if (options.json) printJson(told);
      else for (const line of timelineLines(told)) print(line);
    });
}

/** Where what happened begins, after when. */
const indent = " ".repeat(12);

/** The story of an invocation as lines, each as long as the terminal is wide at most. */
export function timelineLines(told: Told): Text[] {
  const { saga, version, id, status, begun, states, lost, waits, error } = told;
  const titles = states.map(({ behavior }) => behavior.length);
  const width = Math.max(0, ...titles);
  const events = [
    ...states.map((state) => ({ place: state.sequence, lines: stateLines(told, state, width) })),
    ...lost.map((each) => {
      const what = `${each.behavior} ${each.status} by ${each.by} does not count: ${each.reason}`;
      return { place: each.sequence, lines: [paint("dim", fitting(`${when(told, each.time)}${what}`))] };
    }),
  ];
  // Who issued it may say any time.
  const at =
    soundWall(begun.time) === 0 ? "" : `, ${new Date(begun.time).toISOString().replace("T", " ").slice(0, 19)} UTC`;
  return [
    [paint("bold", `${saga} v${version}`), ` ${id.slice(0, 8)} `, paint(colourOf(status), status), at],
    fitting(`${"begun".padStart(10)}  by ${begun.issuer}: ${begun.group}/${begun.sequence} ${contentOf(begun.entry)}`),
    ...events.sort((a, b) => a.place - b.place).flatMap(({ lines }) => lines),
    ...(waits === null ? [] : paragraph("now", `waits until ${waits.sentence}${by(told)}`, "yellow")),
    ...(waits === null && error !== "" ? paragraph("end", error) : []),
  ];
}

/** `number 1, price 4900` */
export function contentOf(entry: { readonly [name: string]: Json }): string {
  return Object.entries(entry)
    .map(([name, value]) => `${name} ${writeJson(value)}`)
    .join(", ");
}

function stateLines(told: Told, state: ToldState, width: number): Text[] {
  const { behavior, stage, status, by, before, said, outputs, waited } = state;
  const start = `${when(told, state.time)}${behavior.padEnd(width)}  `;
  const place = before.length > 0 ? `, in place of ${before.join(", ")}` : "";
  const since = waited.intent === null ? "" : `, ${duration(waited.intent)} after the intent`;
  const rest = `${" ".repeat(Math.max(0, 11 - status.length))}  ${by}${place}${since}`;
  const obvious = said === `stage ${stage} undone by ${behavior}`;
  const operations = outputs.flatMap((each) => (each.kind === "operation" ? [operationText(each)] : []));
  const details = [
    why(state),
    obvious ? "" : said,
    ...(operations.length === 0 ? [] : [`⚙ ${operations.join(", ")}`]),
    ...outputs.flatMap((each) => (each.kind === "entry" ? [entryText(each)] : [])),
  ];
  return [
    [start, paint(colourOf(status), status), fitting(rest, widthOf([start, status]))],
    ...details.filter((text) => text !== "").map((text) => fitting(`${indent}  ${text}`)),
  ];
}

/** What it waited for, and how long. */
function why({ consumed, waited }: ToldState): string {
  const { entry, turn, run, vain } = waited;
  if (vain !== null) return `waited ${duration(vain)}`;
  const what = consumed === null ? "" : `${consumed.group}/${consumed.sequence}`;
  const waits = [
    ...(entry === null || entry === 0 ? [] : [`${duration(entry)} for ${what}`]),
    ...(turn === null ? [] : [`${duration(turn)} for its turn`]),
  ];
  const spans = [
    ...(consumed !== null && !entry ? [`took ${what}`] : []),
    ...(waits.length === 0 ? [] : [`waited ${waits.join(", ")}`]),
    ...(run === null ? [] : [`ran ${duration(run)}`]),
  ];
  return spans.join(", ");
}

function operationText({ capability, operation }: Extract<ToldOutput, { kind: "operation" }>): string {
  return `${capability} ${writeJson(operation)}`;
}

function entryText({ group, sequence, reversed, comes, entry }: Extract<ToldOutput, { kind: "entry" }>): string {
  const pending = comes ? `${group} (not final yet)` : `${group} (never came to be)`;
  return `→ ${sequence === null ? pending : `${group}/${sequence}`}${reversed ? " (reversed)" : ""} ${contentOf(entry)}`;
}

/** A text after the time, in as many lines as it takes. */
function paragraph(start: string, text: string, colour?: Style): Text[] {
  const lines = [start.padStart(10).padEnd(indent.length)];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)}${lines.at(-1)!.length === indent.length ? "" : " "}${word}`;
    if (fitting(longer) === longer) lines[lines.length - 1] = longer;
    else lines.push(`${indent}${word}`);
  }
  return colour === undefined ? lines : lines.map((line) => paint(colour, line));
}

/** From when it was begun; a question mark where one of the two has no clock. */
function when({ begun }: Told, time: number): string {
  const known = begun.time > 0 && time > 0;
  const sign = time < begun.time ? "-" : "+";
  return `${(known ? `${sign}${duration(Math.abs(time - begun.time))}` : "?").padStart(10)}  `;
}

function by({ waits, begun }: Told): string {
  if (waits === null || waits.deadline === null || begun.time === 0) return "";
  return `; deadline +${duration(Math.max(0, waits.deadline - begun.time))}`;
}

function colourOf(status: string): "green" | "yellow" | "red" {
  if (["done", "intent", "running"].includes(status)) return "green";
  return ["failed", "expired", "refused", "unknown", "cancelled"].includes(status) ? "red" : "yellow";
}
