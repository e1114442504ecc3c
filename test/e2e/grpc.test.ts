import { fileURLToPath } from "node:url";
import { Client, credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards } from "../harness/load.ts";

const PROTO = fileURLToPath(new URL("../../packages/server/proto/kvstore.proto", import.meta.url));
/** Elections take as long as the machine lets them; the test is about what the caller sees, not about how soon. */
const DEADLINE_MS = 60_000;

type Reply = Record<string, string | boolean>;
type Call = (method: "Get" | "Put" | "Delete", message: Record<string, string>) => Promise<Reply>;

/** A client made from the .proto file alone, without deadlines. Closed at the end of the test. */
function connect(address: string): Call {
  const definition = loadPackageDefinition(loadSync(PROTO, { keepCase: true, defaults: true }))["KVStore"];
  const KvStore = definition as unknown as new (...args: unknown[]) => Client & Record<string, unknown>;
  const client = new KvStore(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return (method, message) =>
    new Promise((resolve, reject) => {
      const invoke = client[method] as (...args: unknown[]) => void;
      invoke.call(client, message, (error: ServiceError | null, reply: Reply) =>
        error === null ? resolve(reply) : reject(error),
      );
    });
}

test("a call made while the leader of its shard is gone is answered by the next leader, not failed", async () => {
  const cluster = await TestCluster.create();
  await Promise.all(cluster.names.map((name) => cluster.start(name, "--grpc-deadline-ms", String(DEADLINE_MS))));
  const victim = [...(await cluster.leaders()).values()][0] as string;
  const survivor = cluster.names.find((name) => name !== victim) as string;
  const call = connect(`127.0.0.1:${cluster.node(survivor).grpcPort}`);
  const keys = keysOfShards(cluster.file, 2).map(({ key }) => key);
  const put = (value: string): Promise<Reply[]> =>
    Promise.all(keys.map((Key) => call("Put", { Key, Value: `${value} ${Key}` })));
  const done = keys.map(() => ({ Success: true, Error: "" }));
  expect(await put("before")).toEqual(done);

  // Sent in the same moment: some of them are under way at the leader that dies.
  const during = put("during");
  await cluster.kill(victim);
  const reads = Promise.all(keys.map((Data) => call("Get", { Data })));
  expect(await during).toEqual(done);
  for (const reply of await reads) expect(reply).toMatchObject({ Success: true, Exists: true });

  expect(await put("after")).toEqual(done);
  const after = await Promise.all(keys.map((Data) => call("Get", { Data })));
  expect(after).toEqual(keys.map((key) => ({ Success: true, Exists: true, Data: `after ${key}` })));
});
