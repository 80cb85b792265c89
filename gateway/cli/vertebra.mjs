#!/usr/bin/env node
// Reads the TypeScript sources as they are: there is nothing to build before the first command.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./main.ts");
await main(process.argv);
