// Starts, breaks and closes embedded nodes, one after the other in one process: node embedded.mjs DIRECTORY PORT...
// Prints what it saw; ends by itself, because nothing is left that could keep it running.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { argv } from "node:process";
import { RespConnection } from "@sherd/client";
import { startNode } from "sherd";

const [, , directory, ...free] = argv;
const codeOf = (promise) =>
  promise.then(
    () => "no error",
    (error) => error.code ?? error.message,
  );

/** Of one more node. */
function nextPorts() {
  const [respPort, clusterPort, grpcPort, peerPort, httpPort] = free.splice(0, 5).map(Number);
  return { respPort, clusterPort, grpcPort, peerPort, httpPort };
}

async function ask(node, ...args) {
  const client = await RespConnection.open({ host: node.host, port: node.respPort });
  const reply = await client.call(args);
  client.close();
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : reply;
}

const data = join(directory, "alone");
console.log(`misspelled: ${await codeOf(startNode({ data, cacheMb: 3 }))}`);
console.log(`without data: ${await codeOf(startNode({}))}`);

const ports = nextPorts();
const squatter = createServer();
await new Promise((resolve) => squatter.listen(ports.httpPort, "127.0.0.1", resolve));
console.log(`a port that is taken: ${await codeOf(startNode({ data, shards: 1, ...ports }))}`);
await new Promise((resolve) => squatter.close(resolve));

const first = await startNode({ data, ...ports });
await first.ready;
console.log(`first: ${(await first.status()).ready ? "ready" : "not ready"}`);
console.log(`the directory is taken: ${await codeOf(startNode({ data, ...nextPorts() }))}`);
await ask(first, "SET", "key", "kept");
await first.close();
await first.ended;

const second = await startNode({ data, ...ports });
await second.ready;
console.log(`second: ${(await ask(second, "GET", "key")) === "kept" ? "kept" : "lost"}`);
await second.close();
console.log(`after close: ${await codeOf(second.status())}`);

const names = ["a", "b", "c"];
const nodes = [];
for (const name of names) nodes.push({ name, host: "127.0.0.1", ...nextPorts() });
const cluster = join(directory, "cluster.json");
writeFileSync(cluster, JSON.stringify({ cluster: "a".repeat(40), shards: 2, replicas: 3, nodes }));
const start = (name, onFatal) => startNode({ cluster, name, data: join(directory, "three"), onFatal });
const three = await Promise.all(names.map((name) => start(name)));
await Promise.all(three.map((node) => node.ready));
await ask(three[0], "SET", "key", "kept");
console.log(`cluster of three: ${(await ask(three[2], "GET", "key")) === "kept" ? "written and read" : "wrong"}`);

// The others remember a node whose disk was emptied, and refuse it.
await three[2].close();
rmSync(join(directory, "three", "c"), { recursive: true });
const told = new Promise((resolve) => {
  start("c", resolve).catch(resolve);
});
console.log(`fatal: ${(await told).code}`);
await Promise.all([three[0].close(), three[1].close()]);

const store = join(data, "node-1", "store");
for (const file of readdirSync(store)) if (file.startsWith("MANIFEST")) writeFileSync(join(store, file), "damaged");
console.log(`damaged: ${await codeOf(startNode({ data, ...ports }))}`);
console.log("over");
