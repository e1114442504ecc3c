// node record.mjs write: notes which sources the shipped raft-core.wasm was built from, as sha256, in raft-core.json.
// A unit test compares the note with the tree: a change of the crate without a rebuild fails without any Rust.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const crate = dirname(fileURLToPath(import.meta.url));
const shipped = join(crate, "..", "server", "wasm");

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** `{ sources, wasm }`: over the names and contents of everything the build reads, and over the shipped bytes. */
export function currentRecord() {
  const rust = readdirSync(join(crate, "src")).filter((name) => name.endsWith(".rs"));
  const files = ["Cargo.toml", "Cargo.lock", ...rust.sort().map((name) => `src/${name}`)];
  const sources = files.flatMap((name) => {
    const bytes = readFileSync(join(crate, name));
    return [`${name} ${bytes.length}\n`, bytes];
  });
  return { sources: sha256(...sources), wasm: sha256(readFileSync(join(shipped, "raft-core.wasm"))) };
}

if (process.argv[2] === "write") {
  writeFileSync(join(shipped, "raft-core.json"), `${JSON.stringify(currentRecord(), null, 2)}\n`);
}
