// Layering: who may import whom. Fails with each import that goes up, reaches into another folder past its index.ts, or
// leaves core. The compiler keeps Node's types out of core and the linter finds cycles; this keeps the direction.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const server = join(root, "packages/server/src");

/** For each folder of core: what it may import besides itself. Transitive closure of the design's picture. */
const below = {
  base: [],
  env: ["base"],
  raft: ["base", "env"],
  log: ["base", "env", "raft"],
  store: ["base", "env"],
  command: ["base", "env", "store"],
  access: ["base", "command"],
  machine: ["base", "env", "raft", "log", "store", "command"],
  meta: ["base", "env", "raft", "log", "store", "command", "machine"],
  replica: ["base", "env", "raft", "log", "store", "command", "machine", "meta"],
  node: ["base", "env", "raft", "log", "store", "command", "machine", "meta", "replica"],
  peer: ["base", "env", "meta", "node"],
  session: ["base", "env", "command", "access", "machine", "meta", "node", "raft", "store"],
};
/** Outside core. */
const outer = {
  host: ["core"],
  front: ["core", "host"],
  daemon: ["core", "host", "front"],
  cli: ["core", "host", "front", "daemon"],
};

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

const IMPORT = /^(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/gms;
const problems = [];

for (const file of sources(server)) {
  const isTest = file.endsWith(".test.ts") || file.includes("/testing/");
  const parts = relative(server, file).split("/");
  const inCore = parts[0] === "core";
  for (const match of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const target = match[1] ?? match[2];
    const say = (why) => problems.push(`${relative(root, file)}: imports ${target}: ${why}`);
    if (!target.startsWith(".")) {
      if (inCore && !isTest && !target.startsWith("@sherd/client/protocol")) say("core imports no package");
      continue;
    }
    const to = relative(server, resolve(dirname(file), target)).split("/");
    if (inCore) {
      if (to[0] !== "core") {
        if (!isTest) say("core knows nothing outside of it");
        continue;
      }
      const from = parts[1];
      if (to[1] === from || isTest) continue;
      const allowed = below[from] ?? [];
      if (!allowed.includes(to[1])) say(`${from} stands below ${to[1]}`);
      else if (to.length !== 3 || to[2] !== "index.ts") say("other folders are imported through their index.ts");
    } else if (parts.length > 1 && to[0] !== parts[0] && !isTest) {
      if (!(outer[parts[0]] ?? []).includes(to[0])) say(`${parts[0]} stands below ${to[0]}`);
    }
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  console.error(`\n${problems.length} imports break the layering (ARCHITECTURE.md).`);
  process.exit(1);
}
console.log("layering: sound");
