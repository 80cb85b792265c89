import { VertebraError } from "../../firmware/core/errors";
import { toHex } from "../../firmware/core/wire/bytes";
import { encodeFrame, kinds } from "../../firmware/link/frames";
import { introduce } from "../../firmware/link/introduction";
import { createNoise, finishNoise, readNoise, writeNoise } from "../../firmware/link/noise";
import { createPreamble, prologueOf } from "../../firmware/link/preamble";
import { encodeBlank, encodeOffer, encodePrepared, encodeRefusal } from "../../firmware/link/provisioning";
import { createRecords, sealRecord } from "../../firmware/link/records";
import { encodeResume1, encodeResume2, encodeResume3, firstSecret, resume } from "../../firmware/link/resumption";
import { encodeSegment } from "../../firmware/link/segment";
import type { Crypto } from "../../firmware/ports";
import { identityOf } from "./pair";

const fixed = (byte: number) => ({ bytes: (count: number) => new Uint8Array(count).fill(byte) });

/** What docs/wire/link.json holds: one session from its preambles to its resumption, with all that is random given. */
export function linkVectors(crypto: Crypto) {
  const [alice, bob] = [identityOf(crypto, 1), identityOf(crypto, 2)];
  // The greater random initiates.
  const [first, second] = [
    createPreamble(fixed(0xaa), alice.worldTag, 0),
    createPreamble(fixed(0xbb), bob.worldTag, 0),
  ];
  const prologue = prologueOf(first, second);
  const psk = alice.psk(0)!;
  const common = { crypto, prologue, psk };
  const initiator = createNoise({
    ...common,
    initiator: true,
    staticSecret: bob.noiseSecret,
    ephemeralSecret: fixed(0xb0).bytes(32),
  });
  const responder = createNoise({
    ...common,
    initiator: false,
    staticSecret: alice.noiseSecret,
    ephemeralSecret: fixed(0xa0).bytes(32),
  });
  const message1 = writeNoise(initiator, new Uint8Array(0));
  readNoise(responder, message1);
  const message2 = writeNoise(responder, introduce(crypto, alice));
  readNoise(initiator, message2);
  const message3 = writeNoise(initiator, introduce(crypto, bob));
  readNoise(responder, message3);

  const keys = finishNoise(initiator);
  const segment = encodeSegment({
    heard: true,
    again: false,
    ahead: false,
    expected: 0,
    selective: 0,
    fragment: { sequence: 0, bytes: Uint8Array.of(3, 1, 2, 3) },
  });
  const record = sealRecord(createRecords(crypto, keys.send, keys.receive), segment);
  const secret = firstSecret(crypto, keys);
  const [nonceA, nonceB] = [fixed(0xba).bytes(16), fixed(0xab).bytes(16)];
  const resumed = resume(crypto, secret, nonceA, nonceB);

  const hex = (values: Record<string, Uint8Array>) =>
    Object.fromEntries(Object.entries(values).map(([name, bytes]) => [name, toHex(bytes)]));
  return {
    about: "Made by `npm run vectors` and kept by a test. `rule` names the rule of link.cddl that the bytes follow.",
    session: hex({
      worldTag: alice.worldTag,
      psk,
      initiatorStaticSecret: bob.noiseSecret,
      initiatorEphemeralSecret: fixed(0xb0).bytes(32),
      responderStaticSecret: alice.noiseSecret,
      responderEphemeralSecret: fixed(0xa0).bytes(32),
      prologue,
      message1,
      message2,
      message3,
      handshakeHash: keys.handshakeHash,
      keyOfInitiator: keys.send,
      keyOfResponder: keys.receive,
      segment,
      record,
      frame: encodeFrame(kinds.record, record),
      resumptionId: secret.id,
      resumptionSecret: secret.secret,
      ...Object.fromEntries(Object.entries(resumed).filter(([name]) => name !== "next")),
      nextId: resumed.next.id,
      nextSecret: resumed.next.secret,
    }),
    structures: [
      { rule: "preamble", hex: toHex(first) },
      { rule: "preamble", hex: toHex(second) },
      { rule: "preamble", hex: toHex(createPreamble(fixed(0xcc), alice.worldTag, 3)) },
      { rule: "introduction", hex: toHex(introduce(crypto, alice)) },
      { rule: "resumption-1", hex: toHex(encodeResume1(secret.id, nonceA)) },
      { rule: "resumption-2", hex: toHex(encodeResume2(nonceB, resumed.macOfB)) },
      { rule: "resumption-3", hex: toHex(encodeResume3(resumed.macOfA)) },
      { rule: "blank-board", hex: toHex(encodeBlank({ kind: "rv32", key: fixed(0xb1).bytes(32) })) },
      { rule: "offer", hex: toHex(encodeOffer({ key: fixed(0x0f).bytes(32), sealed: fixed(0x5e).bytes(48) })) },
      {
        rule: "prepared",
        hex: toHex(encodePrepared({ staticKey: fixed(0x57).bytes(32), introduction: introduce(crypto, bob) })),
      },
      {
        rule: "refusal",
        hex: toHex(encodeRefusal(new VertebraError("board-memory", "It has no room", "Give it less"))),
      },
    ],
  };
}
