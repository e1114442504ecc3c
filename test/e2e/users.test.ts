import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, status } from "@grpc/grpc-js";
import { RespConnection, RespError, type RespValue } from "@sherd/client";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { askCluster } from "../../packages/server/src/daemon/status.ts";
import { TestCluster } from "../harness/cluster.ts";
import { eventually } from "../harness/wait.ts";

const ADMIN = { username: "admin", password: "secret" } as const;
const ALICE = { username: "alice", password: "pw" } as const;

/** The administrator's. */
const AUTHORIZATION = `Basic ${Buffer.from("admin:secret").toString("base64")}`;

interface Person {
  readonly username: string;
  readonly password: string;
}

/** What all client libraries have. */
interface Store {
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
}

/** Nobody gets in but an administrator. Of six nodes at least one does not hold the cluster map itself. */
async function startWithUsers(nodes: 3 | 6): Promise<TestCluster> {
  const directory = mkdtempSync(join(tmpdir(), "sherd-users-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "users.acl");
  writeFileSync(file, "user admin on >secret ~* &* +@all\nuser default off\n");
  return TestCluster.start({ nodes, shards: 3, args: () => ["--acl-file", file] });
}

async function dial(cluster: TestCluster, name: string, who?: Person, port: "respPort" | "clusterPort" = "respPort") {
  const node = cluster.node(name);
  const connection = await RespConnection.open({ host: node.host, port: node[port], ...who });
  onTestFinished(() => connection.destroy());
  return connection;
}

async function ask(connection: RespConnection, ...command: string[]): Promise<string> {
  const shown = (value: RespValue): string => {
    if (value instanceof RespError) return `-${value.message}`;
    return value instanceof Uint8Array ? Buffer.from(value).toString() : JSON.stringify(value);
  };
  return shown(await connection.call(command));
}

/** Which nodes let the person in. */
async function admitting(cluster: TestCluster, who: Person, names = cluster.names): Promise<string[]> {
  const admitted: string[] = [];
  for (const name of names) {
    const opened = await dial(cluster, name, who).catch((error: Error) => error);
    if (opened instanceof RespConnection) admitted.push(name);
    else expect(opened.message).toContain("WRONGPASS");
  }
  return admitted;
}

const see = (cluster: TestCluster, who: Person, names: readonly string[]): Promise<true> =>
  eventually(`${who.username} to be let in at ${names.join()}`, 5_000, async () => {
    expect(await admitting(cluster, who)).toEqual(names);
    return true as const;
  });

async function holdersOfMap(cluster: TestCluster): Promise<string[]> {
  const { host, httpPort } = cluster.node("node-1");
  const { groups } = await askCluster(host, httpPort, { authorization: AUTHORIZATION });
  const meta = groups.find(({ slots }) => slots.length === 0);
  return meta?.replicas.map(({ node }) => node) ?? [];
}

/** Six processes are started twice, and two of them a third time. */
const MANY_STARTS_MS = 240_000;

test(
  "users are in force at every node, from the first moment on and after kill -9 of all",
  async () => {
    const cluster = await startWithUsers(6);
    const { names } = cluster;
    for (const name of names) {
      for (const port of ["respPort", "clusterPort"] as const) {
        expect(await ask(await dial(cluster, name, undefined, port), "GET", "a")).toBe(
          "-NOAUTH Authentication required.",
        );
      }
    }
    expect(await admitting(cluster, ADMIN)).toEqual(names);

    // One change at one node; whoever made it meets it there at once, and the others hear of it.
    const admin = await dial(cluster, "node-1", ADMIN);
    expect(await ask(admin, "ACL", "SETUSER", "alice", "on", ">pw", "~app:*", "+@all", "-@admin")).toBe('"OK"');
    expect(await admitting(cluster, ALICE, ["node-1"])).toEqual(["node-1"]);
    const fromMs = performance.now();
    await see(cluster, ALICE, names);
    console.info(`all nodes knew a new user ${(performance.now() - fromMs).toFixed()} ms after its answer`);

    // Changes from all nodes at once: none is lost.
    const admins = await Promise.all(names.map((name) => dial(cluster, name, ADMIN)));
    const made = await Promise.all(
      admins.map((one, at) => ask(one, "ACL", "SETUSER", `user-${at}`, "on", ">pw", "+ping")),
    );
    expect(made).toEqual(names.map(() => '"OK"'));
    await see(cluster, { username: "user-5", password: "pw" }, names);
    for (const one of admins) {
      await eventually("all users", 5_000, async () => {
        expect(await ask(one, "ACL", "USERS")).toBe(await ask(admin, "ACL", "USERS"));
        return true;
      });
    }

    await cluster.killAll();
    await cluster.startAll();
    expect(await admitting(cluster, ALICE)).toEqual(names);
    expect(await admitting(cluster, { username: "default", password: "" })).toEqual([]);

    // Alone, a node still knows whom to let in, also one that does not hold the map.
    const holders = await holdersOfMap(cluster);
    const other = names.find((name) => !holders.includes(name)) as string;
    await cluster.killAll();
    for (const name of [holders[0] as string, other]) {
      cluster.begin(name);
      await eventually(`${name} to let alice in`, 20_000, async () => {
        expect(await admitting(cluster, ALICE, [name])).toEqual([name]);
        return true;
      });
      expect(await ask(await dial(cluster, name), "PING")).toBe("-NOAUTH Authentication required.");
      await cluster.kill(name);
    }
  },
  MANY_STARTS_MS,
);

test("a password that was made while a node was down is wanted there, too, also while it hears of nobody", async () => {
  const cluster = await TestCluster.start({ nodes: 3, shards: 3 });
  expect(await ask(await dial(cluster, "node-3"), "SET", "a", "x")).toBe('"OK"');
  await cluster.kill("node-3");
  const admin = await dial(cluster, "node-1");
  expect(await ask(admin, "ACL", "SETUSER", "default", ">secret")).toBe('"OK"');
  await cluster.killAll();

  // Alone, as it was before there was a password.
  cluster.begin("node-3");
  const stranger = await eventually("node-3 to listen", 20_000, () => dial(cluster, "node-3").catch(() => undefined));
  for (const command of [
    ["GET", "a"],
    ["SET", "a", "y"],
    ["CONFIG", "GET", "*"],
    ["ACL", "LIST"],
    ["CLUSTER", "SLOTS"],
  ]) {
    expect(await ask(stranger, ...command), command.join(" ")).toMatch(/^-LOADING /);
  }
  expect(await ask(stranger, "AUTH", "default", "")).toMatch(/^-LOADING /);
  const { host, grpcPort } = cluster.node("node-3");
  const client = new Client(`${host}:${grpcPort}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const key = Buffer.from([0x0a, 1, 0x61]);
  const same = (bytes: Buffer): Buffer => bytes;
  const code = await new Promise((resolve) => {
    client.makeUnaryRequest("/KVStore/Get", same, same, key, (error) => resolve(error?.code));
  });
  expect(code).toBe(status.UNAVAILABLE);

  // With another one it hears of the password.
  await Promise.all(["node-1", "node-2"].map((name) => cluster.start(name)));
  await eventually("node-3 to want the password", 20_000, async () => {
    expect(await ask(stranger, "GET", "a")).toBe("-NOAUTH Authentication required.");
    return true;
  });
  expect(await ask(stranger, "AUTH", "secret")).toBe('"OK"');
  expect(await ask(stranger, "GET", "a")).toBe("x");
});

test("a user that is removed at one node is thrown out at all", async () => {
  const cluster = await startWithUsers(3);
  const admin = await dial(cluster, "node-1", ADMIN);
  await ask(admin, "ACL", "SETUSER", "alice", "on", ">pw", "~app:*", "+@all", "-@admin");
  await see(cluster, ALICE, cluster.names);
  const open = await Promise.all(cluster.names.map((name) => dial(cluster, name, ALICE)));
  expect(await ask(open[1] as RespConnection, "SET", "app:1", "x")).toBe('"OK"');
  expect(await ask(open[1] as RespConnection, "SET", "other", "x")).toBe("-NOPERM No permissions to access a key");
  expect(await ask(await dial(cluster, "node-3", ADMIN), "ACL", "DELUSER", "alice")).toBe("1");
  await eventually("all connections to be closed", 5_000, () => open.every(({ closed }) => closed) || undefined);
  expect(await admitting(cluster, ALICE)).toEqual([]);
});

test("ioredis, node-redis and HTTP with a user and a password", async () => {
  const cluster = await startWithUsers(3);
  const { host, respPort, clusterPort, httpPort } = cluster.node("node-2");
  const admin = await dial(cluster, "node-2", ADMIN);
  await ask(admin, "ACL", "SETUSER", "alice", "on", ">pw", "~app:*", "+@all", "-@admin");
  await see(cluster, ALICE, cluster.names);
  const plain = new Redis({ host, port: respPort, ...ALICE });
  const routed = new Cluster([{ host, port: clusterPort }], { redisOptions: ALICE, slotsRefreshTimeout: 10_000 });
  const url = (port: number): string => `redis://alice:pw@${host}:${port}`;
  const client = await createClient({ url: url(respPort) }).connect();
  const spread = await createCluster({ rootNodes: [{ url: url(clusterPort) }], defaults: ALICE }).connect();
  onTestFinished(async () => {
    plain.disconnect();
    routed.disconnect();
    client.destroy();
    spread.destroy();
  });
  const keys = Array.from({ length: 20 }, (_, at) => `app:${at}`);
  const stores = [plain, routed, client, spread] as unknown as Store[];
  for (const [at, one] of stores.entries()) {
    for (const key of keys) {
      await one.set(key, `${at}`);
      expect(await one.get(key)).toBe(`${at}`);
    }
    await expect(one.get("other")).rejects.toThrow("NOPERM");
  }
  expect(await askCluster(host, httpPort, { authorization: AUTHORIZATION })).toMatchObject({ ok: true });
  await expect(askCluster(host, httpPort)).rejects.toThrow(/wants a user and a password/);
  for (const path of ["/metrics", "/status"]) {
    expect((await fetch(`http://${host}:${httpPort}${path}`)).status).toBe(401);
    expect(
      (await fetch(`http://${host}:${httpPort}${path}`, { headers: { authorization: AUTHORIZATION } })).status,
    ).toBe(200);
  }
});
