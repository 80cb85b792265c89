#!/usr/bin/env node
import { commandLine } from "./bundle.mjs";

const { main } = await commandLine();
await main(process.argv);
