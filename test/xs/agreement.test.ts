import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { concat, equal, fromHex, toHex } from "../../firmware/core/wire/bytes";
import { verifySignature } from "../../firmware/core/wire/signature";
import { nobleCrypto } from "../../firmware/device/noble";
import { judged, verifiesOtherwise } from "../../firmware/device/sodium";
import { nodeCrypto } from "../../gateway/participant/crypto";
import { awkwardSignatures, groupOrder, rfc8032 } from "../core/ed25519-vectors";
import { mixedOrderSignatures } from "../gateway/mixed-order";
import { hostOrReason, scratchFolder, startOnXs } from "./host";
import { bundleProgram } from "./suites";

/** Signatures that some library somewhere judges otherwise than another: every one of ours must say the same of each, wherever it runs. */

const host = await hostOrReason();
const noble = nobleCrypto();
const node = nodeCrypto();

interface Odd {
  readonly key: string;
  readonly message: string;
  readonly signature: string;
}

function oddSignatures(): Odd[] {
  const signer = noble.signer(new Uint8Array(32).fill(7));
  const message = Uint8Array.of(1, 2, 3);
  const signature = signer.sign(message);
  const of = (key: Uint8Array, signed: Uint8Array) => ({
    ...{ key: toHex(key), message: toHex(message), signature: toHex(signed) },
  });
  const points = Array.from({ length: 40 }, (_, seed) => node.sha256(Uint8Array.of(seed)));
  const scalars = [groupOrder, "00".repeat(32), "ff".repeat(32), `${groupOrder.slice(0, 62)}0f`].map(fromHex);
  return [
    ...rfc8032,
    ...awkwardSignatures,
    ...mixedOrderSignatures(64).map((each) => ({
      ...{ key: toHex(each.key), message: toHex(each.message), signature: toHex(each.signature) },
    })),
    of(signer.publicKey, signature),
    ...Array.from({ length: 16 }, (_, at) => of(signer.publicKey, flipped(signature, 4 * at))),
    ...points.flatMap((point) => [of(point, signature), of(signer.publicKey, concat([point, signature.slice(32)]))]),
    ...scalars.map((s) => of(signer.publicKey, concat([signature.slice(0, 32), s]))),
  ].map(({ key, message, signature }) => ({ key, message, signature }));
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));
}

const odd = oddSignatures();

/** On XS: what its libraries say of each signature, as one letter each, and which library a board would use. */
const judges = `
  import { fromHex } from "./firmware/core/wire/bytes";
  import { verifySignature } from "./firmware/core/wire/signature";
  import { nobleCrypto } from "./firmware/device/noble";
  import { hostCrypto } from "./firmware/device/ports";
  import { sodiumCrypto } from "./firmware/device/sodium";
  const notices = [];
  const libraries = { noble: nobleCrypto(), chosen: hostCrypto(native, ({ code, message }) => notices.push(code + ": " + message)) };
  if (native.sodium) libraries.sodium = sodiumCrypto(native.sodium);
  const odd = ${JSON.stringify(odd)};
  const verdicts = Object.entries(libraries).map(([name, crypto]) => [name, odd.map(({ key, message, signature }) =>
    verifySignature(crypto, fromHex(key), fromHex(message), fromHex(signature)) ? "y" : "n").join("")]);
  native.print(JSON.stringify({ engine: libraries.chosen.engine, notices, verdicts: Object.fromEntries(verdicts) }));`;

interface Judged {
  readonly engine: string;
  readonly notices: readonly string[];
  readonly verdicts: Readonly<Record<"noble" | "chosen", string> & Partial<Record<"sodium", string>>>;
}

async function judgeOnXs(env: Record<string, string> = {}): Promise<Judged> {
  const { stdout, stderr } = await startOnXs(host.path, await bundleProgram(judges, []), [], env).ended;
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Judged;
}

function verdictsOf(crypto: typeof node): string {
  return odd
    .map(({ key, message, signature }) =>
      verifySignature(crypto, fromHex(key), fromHex(message), fromHex(signature)) ? "y" : "n",
    )
    .join("");
}

describe.skipIf(host.reason)(`an odd signature${host.reason ? ` (skipped: ${host.reason})` : ""}`, () => {
  it("has one verdict: of node:crypto, of noble on Node and on XS, and of libsodium in the host", async () => {
    const { verdicts, engine, notices } = await judgeOnXs();
    const expected = verdictsOf(node);
    expect(verdictsOf(noble)).toBe(expected);
    expect(verdicts.noble).toBe(expected);
    expect(verdicts.chosen).toBe(expected);
    expect(notices).toEqual([]);
    // Both kinds are among them.
    expect(expected).toMatch(/y.*n.*y/);
    if (verdicts.sodium === undefined) return;
    expect(verdicts.sodium).toBe(expected);
    expect(engine).toContain("libsodium");
  }, 60_000);

  it("that a library judges otherwise keeps a board from using that library, and is told", async () => {
    if ((await judgeOnXs()).verdicts.sodium === undefined) return;
    const { engine, notices, verdicts } = await judgeOnXs({ LD_LIBRARY_PATH: libraryThatTakesMore() });
    expect(engine).toBe("noble");
    expect(notices).toEqual([
      expect.stringMatching(/^crypto-differs: libsodium 9\.9\.9 is not used: it takes a key of mixed order/),
    ]);
    expect(verdicts.sodium).not.toBe(verdicts.noble);
    expect(verdicts.chosen).toBe(verdictsOf(node));
  }, 60_000);
});

describe("a library that is asked for its verdicts", () => {
  it("is used only where it says of all what node:crypto says", () => {
    expect(verifiesOtherwise({ version: "1", verify: node.verify })).toBeUndefined();
    expect(verifiesOtherwise({ version: "1", verify: noble.verify })).toBeUndefined();
    for (const { what, message, commitment, answer, sound } of judged()) {
      const signature = fromHex(commitment + answer);
      const differs: typeof node.verify = (key, bytes, of) =>
        bytes[0] === message && equal(of, signature) ? !sound : node.verify(key, bytes, of);
      expect([what, verifiesOtherwise({ version: "1", verify: differs })?.message]).toEqual([
        what,
        `libsodium 1 is not used: it ${sound ? "refuses" : "takes"} ${what}, and other participants don't`,
      ]);
    }
  });
});

/**
 * A folder with a libsodium that is the installed one, but for its verdict on keys of mixed order: it takes what holds with the cofactor
 * alone for some of what may be left, as libsodium's development branch does. What it takes more it knows by heart.
 */
function libraryThatTakesMore(): string {
  const folder = scratchFolder();
  const asked = judged().filter(({ what }) => what.includes("4 eighths"));
  const signatures = [
    ...mixedOrderSignatures(64).map(({ signature }) => signature),
    ...asked.map(({ commitment, answer }) => fromHex(commitment + answer)),
  ];
  const bytes = signatures.flatMap((signature) => [...signature]).join(",");
  const source = `#include <dlfcn.h>
    #include <string.h>
    typedef unsigned char U8; typedef unsigned long long U64;
    static void* of(const char* name) { static void* real; if (!real) real = dlopen("libsodium.so.23", RTLD_NOW); return dlsym(real, name); }
    static const U8 taken[] = { ${bytes} };
    #define PASS(name, parameters, arguments) int name parameters { return ((int (*) parameters)of(#name)) arguments; }
    const char* sodium_version_string(void) { return "9.9.9"; }
    PASS(sodium_init, (void), ())
    PASS(crypto_hash_sha256, (U8* a, const U8* b, U64 c), (a, b, c))
    PASS(crypto_sign_seed_keypair, (U8* a, U8* b, const U8* c), (a, b, c))
    PASS(crypto_sign_detached, (U8* a, U64* b, const U8* c, U64 d, const U8* e), (a, b, c, d, e))
    PASS(crypto_scalarmult_base, (U8* a, const U8* b), (a, b))
    PASS(crypto_scalarmult, (U8* a, const U8* b, const U8* c), (a, b, c))
    PASS(crypto_aead_chacha20poly1305_ietf_encrypt, (U8* a, U64* b, const U8* c, U64 d, const U8* e, U64 f, const U8* g, const U8* h, const U8* i), (a, b, c, d, e, f, g, h, i))
    PASS(crypto_aead_chacha20poly1305_ietf_decrypt, (U8* a, U64* b, U8* c, const U8* d, U64 e, const U8* f, U64 g, const U8* h, const U8* i), (a, b, c, d, e, f, g, h, i))
    int crypto_sign_verify_detached(const U8* signature, const U8* message, U64 length, const U8* key) {
      for (size_t at = 0; at < sizeof taken; at += 64) if (!memcmp(signature, taken + at, 64)) return 0;
      return ((int (*)(const U8*, const U8*, U64, const U8*))of("crypto_sign_verify_detached"))(signature, message, length, key);
    }`;
  writeFileSync(join(folder, "library.c"), source);
  execFileSync("gcc", ["-shared", "-fPIC", "-o", join(folder, "libsodium.so.26"), join(folder, "library.c"), "-ldl"]);
  return folder;
}
