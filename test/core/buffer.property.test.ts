import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEntryBuffer, expire, offer, take, withdraw } from "../../firmware/core/block/buffer";
import { gapCount } from "../../firmware/core/pact/entry";

const options = { capacityEntries: 5, capacityBytes: 64, sealCount: 3, sealBytes: 40, sealAgeMs: 50 };
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ offer: fc.integer({ min: 1, max: 70 }) }) },
    { weight: 1, arbitrary: fc.constant("take" as const) },
    { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 12_000 }) }) },
    { weight: 2, arbitrary: fc.record({ withdraw: fc.integer({ min: 0, max: 59 }) }) },
  ),
  { maxLength: 60 },
);

describe("an entry buffer, whatever is done with it", () => {
  for (const whenFull of ["wait", "replace-oldest", "keep-latest"] as const) {
    it(`loses no entry silently, doubles none, keeps their order and its bounds (${whenFull})`, () => {
      fc.assert(
        fc.property(steps, (plan) => {
          const buffer = createEntryBuffer({ ...options, whenFull });
          const [taken, dropped, refused, withdrawn]: [number[], number[], number[], number[]] = [[], [], [], []];
          let [now, token, gaps] = [0, 0, 0];
          const drain = () => {
            const { entries, tokens } = take(buffer);
            taken.push(...tokens);
            for (const entry of entries) gaps += gapCount(entry) ?? 0;
            return entries.length;
          };
          for (const step of plan) {
            if (step === "take") drain();
            else if ("pass" in step) {
              now += step.pass;
              refused.push(...expire(buffer, now));
            } else if ("withdraw" in step) {
              const out = [...taken, ...dropped, ...refused, ...withdrawn];
              const there = step.withdraw < token && !out.includes(step.withdraw);
              expect(withdraw(buffer, step.withdraw)).toBe(there);
              if (there) withdrawn.push(step.withdraw);
            } else {
              const answer = offer(buffer, new Uint8Array(step.offer).fill(0x81), token, now);
              dropped.push(...answer.dropped);
              if (!answer.accepted) refused.push(token);
              token++;
            }
            for (const queue of [buffer.held, buffer.waiting]) {
              expect(queue.entries.length).toBeLessThanOrEqual(options.capacityEntries);
              expect(queue.bytes).toBeLessThanOrEqual(options.capacityBytes);
            }
          }
          while (drain() > 0);
          const all = [...taken, ...dropped, ...refused, ...withdrawn].sort((a, b) => a - b);
          expect(all).toEqual(Array.from({ length: token }, (_, index) => index));
          expect(taken).toEqual([...taken].sort((a, b) => a - b));
          expect(gaps).toBe(dropped.length);
          if (whenFull === "wait") expect(dropped).toEqual([]);
        }),
      );
    });
  }
});
