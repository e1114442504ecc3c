import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseClusterFile } from "../../packages/server/src/daemon/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import { sherd } from "../harness/node-process.ts";
import { eventually } from "../harness/wait.ts";

test("three machines started by hand, each with its own copy of a file that `sherd plan` printed", async () => {
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const planned = await sherd("plan", "--nodes", hosts.map((host, at) => `node-${at + 1}=${host}`).join(","));
  expect(planned.code).toBe(0);
  const file = parseClusterFile(planned.output, "sherd plan");
  expect(file).toMatchObject({ shards: 5, replicas: 3 });

  const cluster = await TestCluster.create({ hosts });
  // The ports of this test instead of the default ones; on each machine another order of the nodes.
  cluster.writeFile({ ...file, nodes: file.nodes.map((node) => ({ ...node, ...cluster.node(node.name) })) });
  for (const [at, name] of cluster.names.entries()) {
    const nodes = [...cluster.file.nodes.slice(at), ...cluster.file.nodes.slice(0, at)];
    writeFileSync(join(cluster.directory, `${name}.json`), JSON.stringify({ ...cluster.file, nodes }));
  }
  const begun = cluster.names.map((name) => cluster.begin(name, "--cluster", join(cluster.directory, `${name}.json`)));
  await Promise.all(begun.map((process) => process.ready));

  const status = await cluster.status();
  expect(status.ok).toBe(true);
  expect(status.nodes.map((node) => [node.name, node.addresses.host, node.state])).toEqual(
    hosts.map((host, at) => [`node-${at + 1}`, host, "ready"]),
  );
  const first = cluster.node("node-1");
  const last = cluster.node("node-3");
  const put = await sherd("put", "greeting", "hello", "--host", first.host, "--port", `${first.respPort}`);
  expect(put.code).toBe(0);
  const got = await sherd("get", "greeting", "--host", last.host, "--port", `${last.respPort}`);
  expect(got).toEqual({ code: 0, output: "hello" });
});

test("a node whose file would make another plan is not let in; shards that have begun go on without it", async () => {
  const cluster = await TestCluster.create();
  const other = join(cluster.directory, "other.json");
  writeFileSync(other, JSON.stringify({ ...cluster.file, shards: cluster.file.shards + 1 }));
  const stranger = async (): Promise<void> => {
    cluster.begin("node-3", "--cluster", other);
    const heard = (): true | undefined =>
      cluster.log("node-3").includes("SHERD_PEER_OTHER_CLUSTER") ? true : undefined;
    await eventually("the stranger to hear why", 30_000, heard);
    await cluster.kill("node-3");
    rmSync(cluster.dataOf("node-3"), { recursive: true });
  };
  const begun = ["node-1", "node-2"].map((name) => cluster.begin(name));
  await stranger();
  for (const name of ["node-1", "node-2"]) {
    await eventually(`${name} to listen`, 30_000, () => cluster.log(name).includes(`${name} listens`) || undefined);
  }
  // Nothing begins before all three have met.
  expect((await cluster.status()).ok).toBe(false);
  await cluster.start("node-3");
  await Promise.all(begun.map((process) => process.ready));

  await cluster.kill("node-3");
  rmSync(cluster.dataOf("node-3"), { recursive: true });
  await stranger();
  const { host, respPort } = cluster.node("node-2");
  expect(await sherd("put", "a", "1", "--host", host, "--port", `${respPort}`)).toMatchObject({ code: 0 });
});
