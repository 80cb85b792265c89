import { VertebraError } from "../../firmware/core/errors";
import { decodeMessage, encodeMessage } from "../../firmware/core/wire/messages";

/** The second byte of CERTIFICATES. */
const certificates = 11;

/** A message as what it says one by one: CERTIFICATES are as many CERTIFICATE messages, any other is itself, as is what has no form. */
export function apart(bytes: Uint8Array): Uint8Array[] {
  if (bytes[1] !== certificates) return [bytes];
  try {
    const message = decodeMessage(bytes);
    if (message.type !== "certificates") return [bytes];
    return message.certificates.map((certificate) => encodeMessage({ type: "certificate", certificate }));
  } catch (error) {
    if (error instanceof VertebraError) return [bytes];
    throw error;
  }
}
