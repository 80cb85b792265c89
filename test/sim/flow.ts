import { leastRoom, mostRoom, roomTime } from "../../firmware/link/limits";
import type { Room } from "../../firmware/ports";

/**
 * One direction of a link that carries whole messages to a machine that reads slowly: what the sender is told of room, as the firmware's
 * own link tells it (docs/link.md): no more than is read in `roomTime`, when half of it is free again.
 */
export interface Flow {
  readonly room: Room;
  /** Bytes were given to the link; returns what is to be called when they are read, or lost. */
  sent(bytes: number, now: number): (now: number) => void;
}

export function createFlow(tell: (room: Room) => void): Flow {
  let unread = 0;
  let capacity: number = mostRoom;
  let delay = 0;
  let told = 0;
  const roomNow = (): Room => ({ bytes: capacity - unread, delay });
  return {
    get room() {
      told = capacity;
      return roomNow();
    },
    sent(bytes, sentAt) {
      unread += bytes;
      told -= bytes;
      const ahead = unread;
      return (now) => {
        unread -= bytes;
        delay = now - sentAt;
        const read = delay === 0 ? mostRoom : (ahead / delay) * roomTime;
        const before = capacity;
        capacity = Math.round(Math.min(mostRoom, Math.max(leastRoom, read)));
        const freed = capacity - unread - told;
        const shrunk = told > 0 && freed <= -capacity / 2;
        if (freed < capacity / 2 && capacity < 2 * before && !shrunk) return;
        told = capacity - unread;
        tell(roomNow());
      };
    },
  };
}
