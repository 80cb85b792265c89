import type { VertebraError } from "../../firmware/core/errors";
import type { BlankBoard } from "../../firmware/link/provisioning";
import type { Platform } from "./avatar";
import type { OpenPort, PortEvents } from "./port";
import {
  alarmProvisioner,
  commit,
  createProvisioner,
  type MadeIdentity,
  offerWorld,
  type ProvisionerAction,
  receiveByProvisioner,
} from "./provisioner";

/** What whoever provisions a board says of the one that is there. Each may throw, and then the board stays as blank as it was. */
export interface Provisioning {
  /** What it is to be given of the world, encoded; undefined where it is only to be looked at. It is asked again for a board that was started anew meanwhile. */
  worldFor(board: BlankBoard): Uint8Array | undefined;
  /** Remembers who the board will be, before it keeps that: whatever ends the gateway, the board is known. */
  prepared(made: MadeIdentity): void;
}

/** ms until a port that went with its board is looked for again: one that begins anew takes it along, as USB does. */
const reopenMs = 200;

/**
 * Gives the board at the other end of a port its identity. Resolves with the board that was only looked at, and with undefined once it speaks as a
 * member of the world, also where it did so from the first. Rejects with `provision-…`, why the board refuses, and what the port says.
 */
export function provisionOver(
  open: (events: PortEvents) => Promise<OpenPort>,
  platform: Platform,
  place: string,
  asked: Provisioning,
  signal: AbortSignal,
): Promise<BlankBoard | undefined> {
  const { clock } = platform;
  const now = () => clock.now().monotonic;
  const provisioner = createProvisioner({ ...platform, place, now: now() });
  let end!: { resolve(board: BlankBoard | undefined): void; reject(reason: unknown): void };
  const ended = new Promise<BlankBoard | undefined>((resolve, reject) => {
    end = { resolve, reject };
  });
  let port: OpenPort | undefined;
  let alarm: NodeJS.Timeout | undefined;
  let opening: NodeJS.Timeout | undefined;
  let over = false;

  function perform(actions: readonly ProvisionerAction[]): void {
    try {
      for (const action of actions) act(action);
    } catch (error) {
      end.reject(error);
    }
  }

  function act(action: ProvisionerAction): void {
    if (action.kind === "write") port?.write(action.bytes);
    else if (action.kind === "wake") {
      alarm = setTimeout(() => perform(alarmProvisioner(provisioner, now())), action.at - now());
    } else if (action.kind === "blank") {
      const world = asked.worldFor(action.board);
      if (world === undefined) end.resolve(action.board);
      else perform(offerWorld(provisioner, world));
    } else if (action.kind === "prepared") {
      asked.prepared(action.made);
      perform(commit(provisioner));
    } else if (action.kind === "member") end.resolve(undefined);
    else end.reject(action.error);
  }

  async function openPort(): Promise<void> {
    const received = (bytes: Uint8Array) => perform(receiveByProvisioner(provisioner, bytes, now()));
    const opened = await open({ received, closed });
    if (over) await opened.close();
    else port = opened;
  }

  function closed(reason?: VertebraError): void {
    port = undefined;
    if (over || reason === undefined) return;
    // What was never heard is not waited for.
    if (provisioner.board === undefined) end.reject(reason);
    else opening = setTimeout(() => openPort().catch(closed), reopenMs);
  }

  const abort = () => end.reject(signal.reason);
  signal.addEventListener("abort", abort);
  openPort().then(() => perform(alarmProvisioner(provisioner, now())), end.reject);
  return ended.finally(() => {
    over = true;
    signal.removeEventListener("abort", abort);
    clearTimeout(alarm);
    clearTimeout(opening);
    return port?.close();
  });
}
