/**
 * npm run bench -- PROGRAM [OPTIONS]: runs one of the benchmark programs of this folder.
 *
 *   cluster     three nodes on this machine under redis-benchmark: what the README quotes
 *   restart     a node full of keys: memory, and the time from kill -9 until it serves again
 *   expiry      keys that all end in the same second: what others wait
 *   log         the write-ahead log, beside bare writes
 *   store       the store: loading, updates, misses, restart, memory
 *   peer        the transport between nodes
 *   session     a client connection against a node that answers at once
 *   raft-core   the Raft core alone
 */
const PROGRAMS = ["cluster", "restart", "expiry", "log", "store", "peer", "session", "raft-core"];

const [name] = process.argv.splice(2, 1);
if (name === undefined || !PROGRAMS.includes(name)) {
  process.stderr.write(`usage: npm run bench -- ${PROGRAMS.join("|")} [OPTIONS]\n`);
  process.exit(2);
}
const FOLDERS = ["cluster", "restart", "expiry"];
await import(FOLDERS.includes(name) ? `./${name}/main.js` : `./${name}.js`);
