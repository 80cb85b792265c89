import type { Flash } from "../ports";
import { type Pass, passed } from "../store/pass";
import type { Native } from "./native";

/** As `notePlainWrites` of `store/plain-writes`: an engine of a board gives C no view of numbers, but the buffer that it is of. */
export function noteInC(
  note: Native["bulk"]["notePlainWrites"],
  pass: Pass,
  flash: Flash,
  address: number,
  length: number,
): number {
  const { table, apart, left, numbers } = pass;
  numbers[passed.address] = address;
  numbers[passed.size] = table.size;
  const bytes = flash.read(address, length);
  const taken = note(table.keys.buffer, table.addresses.buffer, apart.buffer, left.buffer, bytes, numbers.buffer);
  table.size = numbers[passed.size]!;
  return taken;
}
