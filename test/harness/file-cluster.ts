import { RespConnection } from "@sherd/client";
import { beforeAll, beforeEach, expect } from "vitest";
import { TestCluster } from "./cluster.ts";

/** To be called by a file of tests, outside of them: one cluster for all of them, without keys before each. */
export function clusterForFile(): () => TestCluster {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.shared();
    return () => cluster.dispose();
  });
  beforeEach(async () => {
    const [node] = cluster.file.nodes;
    const connection = await RespConnection.open({ host: node?.host as string, port: node?.respPort as number });
    expect(await connection.call(["FLUSHALL"])).toBe("OK");
    connection.close();
  });
  return () => cluster;
}
