/** Frames on a serial wire: `00 COBS(kind, payload, CRC-32C of both, least significant byte first) 00` (PROTOCOL 12). */

import { assert } from "../core/errors";
import { crc32c } from "../core/wire/crc32c";
import { decodeCobs, encodeCobs } from "./cobs";
import { frameLimit } from "./limits";

export const kinds = {
  preamble: 1,
  message1: 2,
  message2: 3,
  message3: 4,
  resume1: 5,
  resume2: 6,
  resume3: 7,
  unknown: 8,
  record: 9,
  /** Of a board that has no identity yet (`link/provisioning`). */
  blank: 16,
  offer: 17,
  prepared: 18,
  commit: 19,
  refusal: 20,
} as const;

export type Kind = (typeof kinds)[keyof typeof kinds];

export interface Frame {
  /** One of `kinds`, or a number that a later version gave a meaning. */
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** The bytes of a frame for the wire, with the zeros around them. */
export function encodeFrame(kind: Kind, payload: Uint8Array): Uint8Array {
  const length = payload.length + 5;
  assert(length <= frameLimit, `a frame of ${length} bytes is within the limit of ${frameLimit}`);
  const content = new Uint8Array(length);
  content[0] = kind;
  content.set(payload, 1);
  const crc = crc32c(content.subarray(0, length - 4));
  for (let index = 0; index < 4; index++) content[length - 4 + index] = crc >>> (8 * index);
  return encodeCobs(content);
}

/** A frame of what lay between two zeros; undefined where it is damaged. */
function decodeFrame(stuffed: Uint8Array): Frame | undefined {
  const content = decodeCobs(stuffed);
  if (content === undefined || content.length < 5) return undefined;
  const body = content.subarray(0, content.length - 4);
  const crc = crc32c(body);
  for (let index = 0; index < 4; index++) {
    if (content[body.length + index] !== ((crc >>> (8 * index)) & 0xff)) return undefined;
  }
  return { kind: body[0]!, payload: body.subarray(1) };
}

/** Lines of a log share the wire (PROTOCOL 12): printable ASCII, tab, line feed, return, the escape of colours, and UTF-8. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x1b);
}

/** What came of a frame whose end has not. */
export interface FrameReader {
  pending: Uint8Array;
  length: number;
  overlong: boolean;
  /** Frames dropped so far, without lines of a log. */
  damaged: number;
}

/** Bytes of a frame as it is stuffed, at most. */
const stuffedLimit = frameLimit + Math.ceil(frameLimit / 254);

export function createFrameReader(): FrameReader {
  return { pending: new Uint8Array(0), length: 0, overlong: false, damaged: 0 };
}

/** The whole frames that `bytes` completes. What is damaged or too long is dropped up to the next zero. */
export function readFrames(reader: FrameReader, bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let from = 0;
  for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, from)) {
    const part = bytes.subarray(from, zero);
    if (!hasBegun(reader) && !reader.overlong) finish(reader, part, frames);
    else {
      keep(reader, part);
      const begun = reader.pending.subarray(0, reader.length);
      if (!reader.overlong) finish(reader, begun, frames);
      else if (!isText(begun)) reader.damaged++;
    }
    forgetBegun(reader);
    from = zero + 1;
  }
  keep(reader, bytes.subarray(from));
  return frames;
}

/** Whether bytes of a frame have come whose end has not. */
export function hasBegun(reader: FrameReader): boolean {
  return reader.length > 0;
}

/** Forgets the frame that had begun: the wire was cut. */
export function forgetBegun(reader: FrameReader): void {
  reader.length = 0;
  reader.overlong = false;
}

function keep(reader: FrameReader, bytes: Uint8Array): void {
  if (reader.overlong || reader.length + bytes.length > stuffedLimit) {
    reader.overlong = true;
    return;
  }
  if (bytes.length === 0) return;
  if (reader.pending.length === 0) reader.pending = new Uint8Array(stuffedLimit);
  reader.pending.set(bytes, reader.length);
  reader.length += bytes.length;
}

function finish(reader: FrameReader, stuffed: Uint8Array, frames: Frame[]): void {
  if (stuffed.length === 0) return;
  const frame = stuffed.length > stuffedLimit ? undefined : decodeFrame(stuffed);
  if (frame) frames.push(frame);
  else if (!isText(stuffed)) reader.damaged++;
}
