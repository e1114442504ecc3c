// A store inside a program: node examples/embedded/main.mjs [DIRECTORY [PORT PORT PORT PORT PORT]]
// Counts its own runs, so run it twice.
import { argv } from "node:process";
import { RespConnection } from "@sherd/client";
import { startNode } from "sherd";

const data = argv[2] ?? "./embedded-data";
const ports = argv.slice(3).map(Number);
const [respPort = 7700, clusterPort = 7701, grpcPort = 7702, peerPort = 7703, httpPort = 7704] = ports;

const node = await startNode({
  data,
  shards: 1,
  respPort,
  clusterPort,
  grpcPort,
  peerPort,
  httpPort,
  onFatal: (error) => {
    console.error(`The store ended: ${error.message}`);
    process.exitCode = 1;
  },
});
await node.ready;

const client = await RespConnection.open({ host: node.host, port: node.respPort });
const runs = Number(await client.call(["INCR", "runs"]));
client.close();

const { ready, groups } = await node.status();
console.log(`${node.name} is ${ready ? "ready" : "not ready"} with ${groups.length} groups; this is run ${runs}.`);

await node.close();
console.log("Nothing is left of the store but its files.");
