import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import type { Crypto } from "../../firmware/ports";

/** DER before the 32 raw bytes of a key (RFC 8410): PKCS #8 for a private one, SPKI for a public one. */
const privatePrefix = { ed25519: "302e020100300506032b657004220420", x25519: "302e020100300506032b656e04220420" };
const publicPrefix = { ed25519: "302a300506032b6570032100", x25519: "302a300506032b656e032100" };

/** Public keys that stay parsed: of as many avatars as a large world has, so that a flood of strangers' fills no memory. */
const parsedKeys = 1024;

/** Suite 1 by the OpenSSL in Node, twenty times the speed of JavaScript. */
export function nodeCrypto(): Crypto {
  const parsed = new Map<string, KeyObject>();
  return {
    engine: `node:crypto (OpenSSL ${process.versions.openssl})`,
    sha256: (bytes) => plain(hash("sha256", bytes, "buffer")),
    signer: (seed) => {
      const key = privateKey("ed25519", seed);
      return { publicKey: rawPublicKey(key), sign: (message) => plain(sign(null, message, key)) };
    },
    verify: (publicBytes, message, signature) => {
      const name = Buffer.from(publicBytes).toString("latin1");
      let key = parsed.get(name);
      if (key === undefined) {
        key = publicKey("ed25519", publicBytes);
        if (parsed.size >= parsedKeys) parsed.delete(parsed.keys().next().value as string);
        parsed.set(name, key);
      }
      return verify(null, message, key, signature);
    },
    x25519Public: (secret) => rawPublicKey(privateKey("x25519", secret)),
    x25519: (secret, publicBytes) => {
      const keys = { privateKey: privateKey("x25519", secret), publicKey: publicKey("x25519", publicBytes) };
      try {
        return plain(diffieHellman(keys));
      } catch {
        // OpenSSL refuses the all-zero secret of a point of small order, where the port promises zeros.
        return new Uint8Array(32);
      }
    },
    seal,
    open,
  };
}

const tagLength = 16;

function seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagLength });
  cipher.setAAD(additional, { plaintextLength: plaintext.length });
  return plain(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
}

function open(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length < tagLength) return undefined;
  const length = ciphertext.length - tagLength;
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagLength });
  decipher.setAAD(additional, { plaintextLength: length });
  decipher.setAuthTag(ciphertext.subarray(length));
  const plaintext = decipher.update(ciphertext.subarray(0, length));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain(plaintext);
}

type Curve = keyof typeof privatePrefix;

function privateKey(curve: Curve, raw: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from(privatePrefix[curve], "hex"), raw]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function publicKey(curve: Curve, raw: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from(publicPrefix[curve], "hex"), raw]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return plain(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
}

/** A Uint8Array of its own: a Buffer is another class to some matchers, and a view into a pool that it keeps alive. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
