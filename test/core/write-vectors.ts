import { writeFileSync } from "node:fs";
import { nobleCrypto } from "../../firmware/device/noble";
import { wireVectors } from "./vectors";

/** `npm run vectors`: writes docs/wire/vectors.json anew. Look at the difference: it is a change of the wire. */
const file = new URL("../../docs/wire/vectors.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(wireVectors(nobleCrypto()), null, 2)}\n`);
