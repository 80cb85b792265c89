import { VertebraError } from "../../firmware/core/errors";

/** Where a link is: a serial port, a gateway that is dialed, or where others may dial this one. */
export type LinkAddress =
  | { readonly kind: "serial"; readonly path: string; readonly baudRate: number }
  | { readonly kind: "tcp" | "listen"; readonly host: string; readonly port: number };

export const usualBaudRate = 115_200;
/** Whoever wants to be reached over a network says so: by an address of its own, or 0.0.0.0 or [::] for all of them. */
const usualHost = "127.0.0.1";

/** How a link is called in a status, and by whoever removes it: a serial port by its path. */
export function nameOfLink(address: LinkAddress): string {
  return address.kind === "serial" ? address.path : `${address.kind}://${hostAndPort(address.host, address.port)}`;
}

/** How it is written in a file: all that there is to know of it. */
export function textOfLink(address: LinkAddress): string {
  if (address.kind !== "serial" || address.baudRate === usualBaudRate) return nameOfLink(address);
  return `serial://${address.path}?baud=${address.baudRate}`;
}

export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Reads `tcp://HOST:PORT`, `listen://[HOST:]PORT`, `serial:///dev/ttyUSB0?baud=9600`, or the path of a serial port. Throws `link-address`. */
export function readLink(text: string): LinkAddress {
  const [, kind, rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (kind === "tcp" || kind === "listen") return readPlace(kind, rest);
  if (kind === "serial") return readSerial(rest);
  if (kind === undefined && text.startsWith("/")) return { kind: "serial", path: text, baudRate: usualBaudRate };
  throw noLink(text, kind === undefined ? "it has no kind and is no path" : `there is no kind '${kind}'`);
}

/** Reads `HOST:PORT`, where others may dial also `PORT` alone. An IPv6 address is in brackets. Throws `link-address`. */
export function readPlace(kind: "tcp" | "listen", text: string): LinkAddress {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (kind === "listen" ? usualHost : undefined);
  if (digits === undefined) throw noLink(text, whyNoPlace(text));
  if (host === undefined) throw noLink(text, "it names no host");
  const port = Number(digits);
  // Of 0 the system gives any port that is free.
  if (port > 65_535 || (port === 0 && kind === "tcp")) throw noLink(text, `there is no port ${digits}`);
  return { kind, host, port };
}

function readSerial(text: string): LinkAddress {
  const [, path, digits] = /^(\/[^?]*)(?:\?baud=(\d{1,7}))?$/.exec(text) ?? [];
  if (path === undefined) throw noLink(text, "it is no path of a serial port, with or without ?baud=RATE");
  const baudRate = Number(digits ?? usualBaudRate);
  if (baudRate < 300 || baudRate > 4_000_000) throw noLink(text, `there is no rate of ${digits} baud`);
  return { kind: "serial", path, baudRate };
}

function whyNoPlace(text: string): string {
  if (text.split(":").length > 2 && !text.startsWith("[")) return "an IPv6 address stands in brackets, as [::1]:7000";
  return "it has the form HOST:PORT";
}

function noLink(text: string, why: string): VertebraError {
  return new VertebraError(
    "link-address",
    `'${text}' is no place for a link: ${why}`,
    "Give tcp://HOST:PORT to dial a gateway, listen://HOST:PORT to be dialed, or the path of a serial port.",
  );
}
