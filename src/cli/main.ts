#!/usr/bin/env node
/** The command line: `npx plumage`. */

import { cli } from "./cli.ts"

process.exitCode = await cli(process.argv.slice(2))
