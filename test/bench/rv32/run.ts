import { writeNumbers } from "../numbers";
import { countBatches } from "./batches";
import { countHolding } from "./holding";

/** Counts what a board on the emulated microcontroller takes for 200 final batches, and to hold what it holds, and writes it into docs/numbers.md. */

const cost = await countBatches(200);
const held = await countHolding();
const bytes = (count: number) => Math.round(count).toLocaleString("en");
const kb = (bytes: number) => `${(bytes / 1024).toFixed(0)} KB`;
const millions = (count: number) => `${(count / 1e6).toFixed(count < 1e8 ? 1 : 0)} million`;

writeNumbers(
  "rv32",
  `| a board of 520 KB, emulated, with a gateway | |
|:--|--:|
| instructions a final batch, cryptography in C and collector in them | **${millions(cost.instructions)}** |
| instructions from power to its first second | ${millions(cost.toStart)} |
| live heap before the first batch, all intrinsics and the program's functions in it | ${kb(cost.idle)} |
| live heap after ${cost.batches} final batches | ${kb(cost.live)} |
| all RAM ever taken: static data, tables, both stacks, heaps | **${kb(cost.taken)}** of ${kb(cost.ram)} |
| stack of C, libsodium's in it | ${kb(cost.stack)} |
| firmware, run in place: the engine with its parser, libsodium, the host | ${kb(cost.image.firmware)} of flash |
| the board's program, run in place | ${kb(cost.image.program)} of flash |`,
);
writeNumbers(
  "holding",
  `| a board holds | bytes of heap |
|:--|--:|
| a participant with a group of two owners | ${bytes(held.participant)} |
| another group | ${bytes((held.moreGroups - held.participant) / 4)} |
| another owner of a group | ${bytes((held.moreOwners - held.participant) / 14)} |
| a block of one entry, not final | ${bytes(held.block)} |
| what it promised of the slot of a block, with the proof of four owners | ${bytes(held.slot)} |
| a metablock with one reference | ${bytes(held.metablock)} |
| a certificate | ${bytes(held.certificate)} |
| an entry of 32 bytes in a buffer | ${bytes(held.entry)} |
| the hash of something that a peer has | ${bytes(held.told)} |`,
);
process.exit(0);
