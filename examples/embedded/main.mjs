// A store inside a program: node examples/embedded/main.mjs [DIRECTORY] [FIRST PORT]
// Counts its own runs, so run it twice.
import { argv } from "node:process";
import { RespConnection } from "@sherd/client";
import { startNode } from "sherd";

const data = argv[2] ?? "./embedded-data";
const port = Number(argv[3] ?? 7700);

const node = await startNode({
  data,
  shards: 1,
  respPort: port,
  clusterPort: port + 1,
  grpcPort: port + 2,
  peerPort: port + 3,
  httpPort: port + 4,
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
