// npm start: install, build, and start a three-node cluster on this machine. Options go to `sherd start`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const cli = join(root, "packages", "server", "dist", "cli", "main.js");
const child = spawn(process.execPath, [cli, "start", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
// The launcher shuts its nodes down in order; this wrapper only passes the wish on and waits.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
