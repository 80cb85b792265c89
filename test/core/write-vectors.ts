import { writeFileSync } from "node:fs";
import { nobleCrypto } from "../../firmware/device/noble";
import { linkVectors } from "../link/vectors";
import { sagaVectors } from "../saga/vectors";
import { wireVectors } from "./vectors";

/** `npm run vectors`: writes the vectors in docs/wire anew. Look at the difference: it is a change of the wire. */
function write(name: string, vectors: unknown): void {
  writeFileSync(new URL(`../../docs/wire/${name}`, import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);
}

const crypto = nobleCrypto();
write("vectors.json", wireVectors(crypto));
write("link.json", linkVectors(crypto));
write("saga.json", sagaVectors(crypto));
