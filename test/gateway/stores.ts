import { nodeCrypto } from "../../gateway/participant/crypto";
import { type Disk, nodeDisk } from "../../gateway/participant/disk";
import { openStore } from "../../gateway/participant/store";

/** A participant's store, and the codes of what it told people. */
export async function openedStore(directory: string, owner: Uint8Array, disk: Disk = nodeDisk) {
  const notices: string[] = [];
  const crypto = nodeCrypto();
  const notice = ({ code }: { code: string }) => void notices.push(code);
  return { ...(await openStore({ disk, directory, owner, crypto, groups: 3, notice })), notices };
}
