// A process with nothing but the peer transport, for peer-kill.test.ts. Arguments: { id, port, boot, peer } as JSON,
// where `peer` is the other node's NodeInfo. Reports { port } when it listens and { up } when the link is up.
import { crc32 } from "node:zlib";
import { openPeers } from "../../../packages/server/dist/core/peer/index.js";
import { bindNetwork } from "../../../packages/server/dist/host/net/index.js";

const { id, port, boot, peer } = JSON.parse(process.argv[2]);
const host = "127.0.0.1";
const log = () => {};
const network = await bindNetwork({ host, port, log });
const peers = openPeers(
  { checksum: (bytes, seed = 0) => crc32(bytes, seed), random32: () => 7, log },
  network,
  { readFile: () => undefined, writeFile: () => undefined },
  {
    self: {
      nodeId: id,
      clusterId: "c".repeat(40),
      directoryId: id,
      bootCounter: boot,
      name: "child",
      addresses: { host, peerPort: network.port, respPort: 1, clusterPort: 1, grpcPort: 1, httpPort: 1 },
    },
    members: [peer],
    seeds: [],
  },
  {
    onMessage: () => {},
    onUp: () => process.send({ up: true }),
    onDown: () => {},
    onRefused: (code) => {
      throw new Error(code);
    },
  },
);
setInterval(() => peers.tick(), 50);
process.on("disconnect", () => process.exit());
process.send({ port: network.port });
