import { openNext } from "../appending";
import { type Log, setState, states } from "../log";
import { type Bank, readBank, sectorsOfBank } from "./bank";

/**
 * Brings a flash of before, of two banks, into the form of now: the records of the bank that counts are written as a log into the other
 * half, all of them or none, and only when they are durable there the bank is given up. Until then it counts, and a cut lets this begin
 * anew. `log` is one that nothing was read into.
 */
export function migrate(log: Log, bank: Bank, write: (records: ReadonlyMap<string, Uint8Array>) => void): void {
  const { flash } = log;
  const half = sectorsOfBank(flash);
  const first = bank.index * half;
  const records = readBank(flash, bank);
  for (let sector = first; sector < first + half; sector++) setState(log, sector, states.kept);
  // What lies there an older bank left, or a start that was cut.
  for (let sector = half - first; sector < 2 * half - first; sector++) flash.erase(sector);
  flash.sync();
  while (!openNext(log));
  write(records);
  giveUpBank(log, bank);
}

/** After this the bank does not count, whatever else it holds: its sectors are free. */
export function giveUpBank(log: Log, { index }: Bank): void {
  const { flash } = log;
  const first = index * sectorsOfBank(flash);
  flash.erase(first);
  flash.sync();
  for (let sector = first; sector < first + sectorsOfBank(flash); sector++) setState(log, sector, 0);
}
