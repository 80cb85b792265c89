import { VertebraError } from "../core/errors";
import { fromHex } from "../core/wire/bytes";
import type { Native } from "../native/native";
import type { Crypto } from "../ports";

type Sodium = NonNullable<Native["sodium"]>;

/** Suite 1 by libsodium, behind the natives of the host. */
export function sodiumCrypto(sodium: Sodium): Crypto {
  return {
    engine: `libsodium ${sodium.version}`,
    sha256: (bytes) => sodium.sha256(bytes),
    signer: (seed) => {
      const secretKey = sodium.secretKey(seed);
      return { publicKey: secretKey.slice(32), sign: (message) => sodium.sign(secretKey, message) };
    },
    verify: (publicKey, message, signature) => sodium.verify(publicKey, message, signature),
    x25519Public: (secret) => sodium.x25519Public(secret),
    x25519: (secret, publicKey) => sodium.x25519(secret, publicKey),
    seal: (key, nonce, additional, plaintext) => sodium.seal(key, nonce, additional, plaintext),
    open: (key, nonce, additional, ciphertext) => sodium.open(key, nonce, additional, ciphertext),
  };
}

/**
 * Signatures over one byte that libraries have been seen to judge otherwise, and what suite 1 says of each. One verdict for all owners is what
 * agreement rests on: a signature that some take and others don't would split a world (PROTOCOL 1).
 */
const judged = [
  {
    what: "a sound signature",
    key: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
    message: "00",
    signature:
      "890cd4ea1e8b9aa76a289fb0fe0fbc65f6f8e369e9c89c5a5c75758d9d8ba887c70454a768a07eba5e76d448423c2769ff32499937cb4a3cd049b5bb9316f00a",
    sound: true,
  },
  {
    what: "that signature over another message",
    key: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
    message: "01",
    signature:
      "890cd4ea1e8b9aa76a289fb0fe0fbc65f6f8e369e9c89c5a5c75758d9d8ba887c70454a768a07eba5e76d448423c2769ff32499937cb4a3cd049b5bb9316f00a",
    sound: false,
  },
  {
    what: "an S above the group's order",
    key: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
    message: "00",
    signature:
      "890cd4ea1e8b9aa76a289fb0fe0fbc65f6f8e369e9c89c5a5c75758d9d8ba887b4d84904830391123513cceb2036067eff32499937cb4a3cd049b5bb9316f01a",
    sound: false,
  },
  {
    what: "a key of mixed order whose signature holds only where both sides are multiplied by the cofactor",
    key: "43c20c6a0bd8ff8115633b6c1efae58b6bdb953b2cc5f59fccc3b01e381fcde6",
    message: "00",
    signature:
      "d681f78a64329964063e448c49df19c23e91ee7aa3dc9cedc83f456e493d66cc2ff8ffacefb6a70ced6cec25df58f23193054ebeb4211af7949cae12ba84840f",
    sound: false,
  },
  {
    what: "a key of mixed order whose signature holds without that",
    key: "d309d640982b0ea1410b946067349557ac7bbcac8a674c5be8af6a36b9a112bf",
    message: "03",
    signature:
      "cc477718ebda11d3a863678d8fac93358b102fe225565affb66c755c770e314a327d71a6917915fbdf4884c7fac2043001ce37034d824b82e30a7ba2f3759d0a",
    sound: true,
  },
] as const;

/** Why this library can't be used: it judges a signature otherwise than the others in a world do. Undefined where it doesn't. */
export function verifiesOtherwise({ version, verify }: Pick<Sodium, "version" | "verify">): VertebraError | undefined {
  const wrong = judged.find(
    ({ key, message, signature, sound }) => verify(fromHex(key), fromHex(message), fromHex(signature)) !== sound,
  );
  if (wrong === undefined) return undefined;
  return new VertebraError(
    "crypto-differs",
    `libsodium ${version} is not used: it ${wrong.sound ? "refuses" : "takes"} ${wrong.what}, and other participants don't`,
    "@noble/curves does its work, a hundred times slower. Install a release of libsodium, not its development branch: apt-get install libsodium23",
  );
}
