import { verifySignature } from "../../../firmware/core/wire/signature";
import type { Crypto } from "../../../firmware/ports";

/** One call of the crypto port, its bytes in hex. */
export type Case =
  | { readonly does: "sha256"; readonly bytes: string }
  | { readonly does: "sign"; readonly seed: string; readonly message: string }
  | { readonly does: "verify"; readonly key: string; readonly message: string; readonly signature: string }
  | { readonly does: "x25519"; readonly secret: string; readonly point: string }
  | {
      readonly does: "seal" | "open";
      readonly key: string;
      readonly nonce: string;
      readonly more: string;
      readonly text: string;
    };

export function resultOf(
  crypto: Crypto,
  each: Case,
  bytes: (hex: string) => Uint8Array,
  hex: (bytes: Uint8Array) => string,
): string {
  switch (each.does) {
    case "sha256":
      return hex(crypto.sha256(bytes(each.bytes)));
    case "sign": {
      const signer = crypto.signer(bytes(each.seed));
      return `${hex(signer.publicKey)} ${hex(signer.sign(bytes(each.message)))}`;
    }
    case "verify":
      return String(verifySignature(crypto, bytes(each.key), bytes(each.message), bytes(each.signature)));
    case "x25519":
      return `${hex(crypto.x25519Public(bytes(each.secret)))} ${hex(crypto.x25519(bytes(each.secret), bytes(each.point)))}`;
    case "seal":
      return hex(crypto.seal(bytes(each.key), bytes(each.nonce), bytes(each.more), bytes(each.text)));
    case "open": {
      const text = crypto.open(bytes(each.key), bytes(each.nonce), bytes(each.more), bytes(each.text));
      return text === undefined ? "refused" : `opened ${hex(text)}`;
    }
  }
}
