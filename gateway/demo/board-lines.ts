import type { Catalog } from "../world/catalog";
import type { BoardReport } from "./board-report";
export function takeLine(_catalog: Catalog, _report: BoardReport, _line: string): void {}
