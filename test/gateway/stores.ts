import { nodeCrypto } from "../../gateway/participant/crypto";
import { type Disk, nodeDisk } from "../../gateway/participant/disk";
import { openStore } from "../../gateway/participant/store";

const nobody = { tag: "", avatar: new Uint8Array(32), staticSecret: new Uint8Array(32), groups: [], definitions: null };

/** A participant's store, and the codes of what it told people. */
export async function openedStore(directory: string, owner: Uint8Array, disk: Disk = nodeDisk) {
  const notices: string[] = [];
  const notice = ({ code }: { code: string }) => void notices.push(code);
  const store = await openStore({ disk, directory, owner, crypto: nodeCrypto(), world: nobody, notice });
  return { ...store, notices };
}
