import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameOfLink, readLink, readPlace, textOfLink } from "../../gateway/avatars/address";
import { readLinks, withLink, withoutLink, writeLinks } from "../../gateway/world/links";

describe("the address of a link", () => {
  it.each([
    ["tcp://10.0.0.2:7000", { kind: "tcp", host: "10.0.0.2", port: 7000 }],
    ["tcp://gateway-2.local:7000", { kind: "tcp", host: "gateway-2.local", port: 7000 }],
    ["tcp://[fd00::7]:7000", { kind: "tcp", host: "fd00::7", port: 7000 }],
    ["listen://0.0.0.0:7000", { kind: "listen", host: "0.0.0.0", port: 7000 }],
    ["listen://7000", { kind: "listen", host: "127.0.0.1", port: 7000 }],
    ["/dev/ttyUSB0", { kind: "serial", path: "/dev/ttyUSB0", baudRate: 115_200 }],
    ["serial:///dev/ttyUSB0", { kind: "serial", path: "/dev/ttyUSB0", baudRate: 115_200 }],
    ["serial:///dev/ttyUSB0?baud=9600", { kind: "serial", path: "/dev/ttyUSB0", baudRate: 9_600 }],
  ])("%s is read, and written so that it reads as the same", (text, address) => {
    expect(readLink(text)).toEqual(address);
    expect(readLink(textOfLink(readLink(text)))).toEqual(address);
    expect(nameOfLink(readLink(nameOfLink(readLink(text))))).toBe(nameOfLink(readLink(text)));
  });

  it.each([
    ["", "no kind"],
    ["10.0.0.2:7000", "no kind"],
    ["http://10.0.0.2:7000", "'http'"],
    ["tcp://7000", "no host"],
    ["tcp://10.0.0.2", "HOST:PORT"],
    ["tcp://10.0.0.2:70000", "port 70000"],
    ["tcp://10.0.0.2:0", "port 0"],
    ["tcp://fd00::7:7000", "brackets"],
    ["tcp://10.0.0.2:7000/x", "HOST:PORT"],
    ["serial://ttyUSB0", "path"],
    ["serial:///dev/ttyUSB0?baud=1", "1 baud"],
  ])("'%s' is none, and it says why", (text, why) => {
    expect(() => readLink(text)).toThrow(
      expect.objectContaining({ code: "link-address", message: expect.stringContaining(why) }),
    );
  });

  it("is told of any text whether it is one, and nothing else is thrown", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."tcp:/listen[]0127.a-?") }), (text) => {
        for (const read of [readLink, (of: string) => readPlace("listen", of)]) {
          try {
            const address = read(text);
            expect(readLink(textOfLink(address))).toEqual(address);
          } catch (error) {
            expect(error).toMatchObject({ code: "link-address" });
          }
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the links that stay", () => {
  const inFolder = (act: (directory: string) => void) => {
    const directory = mkdtempSync(join(tmpdir(), "vertebra-links-"));
    try {
      act(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  it("are read as they were written, and none where there is no file", () =>
    inFolder((directory) => {
      expect(readLinks(directory)).toEqual([]);
      const links = ["tcp://10.0.0.2:7000", "serial:///dev/ttyUSB0?baud=9600"].map(readLink);
      writeLinks(directory, links);
      expect(readLinks(directory)).toEqual(links);
    }));

  it("are each there once, and only one that is there can be removed", () => {
    const links = [readLink("/dev/ttyUSB0")];
    expect(() => withLink(links, readLink("serial:///dev/ttyUSB0?baud=9600"))).toThrow(
      expect.objectContaining({ code: "link-known" }),
    );
    expect(() => withoutLink(links, "tcp://10.0.0.2:7000")).toThrow(expect.objectContaining({ code: "link-unknown" }));
    expect(withoutLink(links, "/dev/ttyUSB0")).toEqual([]);
  });

  it.each([
    "{",
    "[]",
    "null",
    '{"layout":2,"links":[]}',
    '{"layout":1}',
    '{"layout":1,"links":["http://x"]}',
    '{"layout":1,"links":[null]}',
  ])("whose file holds %s can't be read, and it says how to mend it", (text) =>
    inFolder((directory) => {
      writeFileSync(join(directory, "links.json"), text);
      expect(() => readLinks(directory)).toThrow(expect.objectContaining({ code: "links-damaged" }));
    }),
  );
});
