import { describe, expect, it } from "vitest";
import { decodeOperation, type Setting } from "../../firmware/core/capability/interfaces";
import { encodeText } from "../../firmware/core/wire/text";
import { refusal } from "../core/refusal";
import { boardOf, sample } from "./sample-board";

const { actuators } = boardOf(sample);

function decoded(capability: string, json: string): Setting {
  return decodeOperation(actuators.find(({ name }) => name === capability)!, encodeText(json));
}

const refused = (capability: string, json: string) => refusal(() => decoded(capability, json));

describe("an operation", () => {
  it("turns a relay and a digital output on and off", () => {
    expect(decoded("relay", '{"on":true}')).toBe(true);
    expect(decoded("lamp", '{"on":false}')).toBe(false);
  });

  it("gives a pwm its duty, a servo its degrees and a motor its speed, up to their bounds", () => {
    expect(decoded("fan", '{"duty":0}')).toBe(0);
    expect(decoded("fan", '{"duty":0.8}')).toBe(0.8);
    expect(decoded("arm", '{"degrees":10}')).toBe(10);
    expect(decoded("arm", '{"degrees":170}')).toBe(170);
    expect(decoded("drive", '{"speed":-1}')).toBe(-1);
    expect(decoded("drive", '{"speed":1}')).toBe(1);
  });

  it("is refused out of bounds, with capability, field, bound and value", () => {
    expect(refused("fan", '{"duty":0.81}')).toBe(
      "operation-field: an operation of capability 'fan' has 0.81 for 'duty', above its most of 0.8",
    );
    expect(refused("arm", '{"degrees":9.99}')).toBe(
      "operation-field: an operation of capability 'arm' has 9.99 for 'degrees', below its least of 10",
    );
    expect(refused("drive", '{"speed":-1.0001}')).toMatch(/has -1.0001 for 'speed', below its least of -1/);
    expect(refused("drive", '{"speed":1e999}')).toMatch(/not a number/);
  });

  it("is refused with a field missing, unknown or of another type", () => {
    expect(refused("relay", "{}")).toMatch(/an operation of capability 'relay' lacks 'on'/);
    expect(refused("relay", '{"on":1}')).toMatch(/'relay' has 1 for 'on', not true or false/);
    expect(refused("relay", '{"on":true,"for":5}')).toMatch(/'relay' has no field "for"/);
    expect(refused("relay", '{"on":true,"__proto__":{}}')).toMatch(/'relay' has no field "__proto__"/);
    expect(refused("arm", '{"duty":1}')).toMatch(/'arm' lacks 'degrees'/);
    // What a behavior's NaN becomes in JSON.
    expect(refused("arm", '{"degrees":null}')).toMatch(/'arm' has null for 'degrees', not a number/);
    expect(refused("arm", '{"degrees":"90"}')).toMatch(/'arm' has "90" for 'degrees', not a number/);
  });

  it("is refused where it is no object of JSON, or too long to be read", () => {
    expect(refused("relay", "open")).toBe("operation-form: an operation of capability 'relay' is not JSON");
    expect(refused("relay", "")).toMatch(/is not JSON/);
    for (const json of ["null", "true", "[]", '"on"', "7"]) expect(refused("relay", json)).toMatch(/not an object/);
    expect(refusal(() => decodeOperation(actuators[0]!, Uint8Array.of(0xc3)))).toMatch(/is not JSON/);
    expect(refused("relay", "[".repeat(256))).toMatch(/is not JSON/);
    const deep = "[".repeat(300);
    expect(refused("relay", deep)).toMatch(/has 300 bytes, and the most is 256/);
  });

  it("is refused with a remedy that says what may be given", () => {
    const remedy = (capability: string) => {
      try {
        decoded(capability, "{}");
      } catch (error) {
        return (error as { remedy: string }).remedy;
      }
      return "";
    };
    expect(remedy("relay")).toBe('Give { "on": true } or { "on": false }.');
    expect(remedy("arm")).toBe('Give { "degrees": a number from 10 to 170° }.');
    expect(remedy("drive")).toBe('Give { "speed": a number from -1 to 1 }.');
  });
});
