import { toHex } from "../../firmware/core/wire/bytes";
import { createFrameReader, kinds, readFrames } from "../../firmware/link/frames";
import { decodeResume1 } from "../../firmware/link/resumption";
import type { Crypto } from "../../firmware/ports";
import { digestOf } from "./digest";

/** The port, which fails the world where a key seals two records under one nonce (docs/link.md, "A record is sealed"). */
export function sealingOnce(crypto: Crypto, fail: (what: string) => void): Crypto {
  const sealed = new Map<string, string>();
  return {
    ...crypto,
    seal(key, nonce, additional, plaintext) {
      const name = `${digestOf(key.slice())} ${toHex(nonce)}`;
      const ciphertext = crypto.seal(key, nonce, additional, plaintext);
      const [now, before] = [digestOf(ciphertext), sealed.get(name)];
      if (before !== undefined && before !== now) fail("two records were sealed with one key under one nonce");
      sealed.set(name, now);
      return ciphertext;
    },
  };
}

/** One end's questions for a session to go on: a secret is asked for no more when it has served. */
export interface Resumptions {
  sent(bytes: Uint8Array): void;
  /** The session went on. */
  resumed(): void;
}

export function watchResumptions(fail: (what: string) => void): Resumptions {
  const frames = createFrameReader();
  const served = new Set<string>();
  let asked: string | undefined;
  return {
    sent(bytes) {
      for (const { kind, payload } of readFrames(frames, bytes)) {
        if (kind !== kinds.resume1) continue;
        asked = toHex(decodeResume1(payload).id);
        if (served.has(asked)) fail(`a session is asked for by ${asked}, from which it went on before`);
      }
    },
    resumed() {
      if (asked !== undefined) served.add(asked);
      asked = undefined;
    },
  };
}
