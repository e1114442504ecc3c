// node scripts/run.mjs FILE [ARGS]: builds what changed, then runs a built program in this process.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
const [file] = process.argv.splice(2, 1);
await import(pathToFileURL(join(root, file)).href);
