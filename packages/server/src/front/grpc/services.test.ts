import { Client, credentials, type ServiceDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, expect, test, vi } from "vitest";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import { startGrpc } from "./index.ts";
import { loadProto } from "./protos.ts";
import { kvStoreService } from "./service.ts";

const HOST = "127.0.0.1";
/** Long enough for a machine that does much else; a test that passes does not wait for it. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function connect(node: FakeNode): Promise<{ client: Client; closeServer: () => Promise<void> }> {
  const front = await startGrpc(node, { host: HOST, port: 0 });
  const client = new Client(`${HOST}:${front.port}`, credentials.createInsecure());
  let closed: Promise<void> | undefined;
  const closeServer = (): Promise<void> => {
    closed ??= front.close();
    return closed;
  };
  open.push({ close: closeServer }, client);
  return { client, closeServer };
}

const HEALTH = loadProto("health.proto").services.get("grpc.health.v1.Health") as ServiceDefinition;
const REFLECTION = loadProto("reflection.proto").services.get(
  "grpc.reflection.v1.ServerReflection",
) as ServiceDefinition;

function check(client: Client, service: string): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = HEALTH["Check"] as ServiceDefinition[string];
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, reply) =>
      error === null ? resolve((reply as { status: number }).status) : reject(error),
    );
  });
}

/** What a watcher is told, and `end` when the stream has ended without an error. */
function watch(client: Client, service: string): (number | string)[] {
  const { path, requestSerialize, responseDeserialize } = HEALTH["Watch"] as ServiceDefinition[string];
  const told: (number | string)[] = [];
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
  stream.on("data", (reply: { status: number }) => told.push(reply.status));
  stream.on("end", () => told.push("end"));
  stream.on("error", (error: ServiceError) => told.push(status[error.code] as string));
  return told;
}

type Reply = Record<string, Record<string, unknown>>;

/** One conversation with all requests; the replies in order. */
function reflect(client: Client, requests: readonly object[], version = "v1"): Promise<Reply[]> {
  const { path, requestSerialize, responseDeserialize } = REFLECTION[
    "ServerReflectionInfo"
  ] as ServiceDefinition[string];
  const stream = client.makeBidiStreamRequest(path.replace("v1", version), requestSerialize, responseDeserialize);
  const replies: Reply[] = [];
  return new Promise((resolve, reject) => {
    stream.on("data", (reply: Reply) => replies.push(reply));
    stream.on("end", () => resolve(replies));
    stream.on("error", reject);
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

test("health: the node and its service serve when the node is ready; others are not known", async () => {
  const node = new FakeNode();
  const { client } = await connect(node);
  expect([await check(client, ""), await check(client, "KVStore")]).toEqual([SERVING, SERVING]);
  node.ready = false;
  expect([await check(client, ""), await check(client, "KVStore")]).toEqual([NOT_SERVING, NOT_SERVING]);
  await expect(check(client, "Other")).rejects.toMatchObject({ code: status.NOT_FOUND });
});

test("health: who watches is told of changes, and of the end, which it does not hold up", async () => {
  const node = new FakeNode();
  const { client, closeServer } = await connect(node);
  const told = watch(client, "KVStore");
  const other = watch(client, "Other");
  await eventually(() => expect(told).toEqual([SERVING]));
  node.ready = false;
  await eventually(() => expect(told).toEqual([SERVING, NOT_SERVING]));
  node.ready = true;
  await eventually(() => expect(told).toEqual([SERVING, NOT_SERVING, SERVING]));
  await closeServer();
  await eventually(() => expect(told).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING, "end"]));
  expect(other).toEqual([SERVICE_UNKNOWN, "end"]);
});

test.each(["v1", "v1alpha"])("reflection %s: the services, and the file of each symbol", async (version) => {
  const { client } = await connect(new FakeNode());
  const [list, ...files] = await reflect(
    client,
    [
      { list_services: "" },
      { file_containing_symbol: "KVStore" },
      { file_containing_symbol: ".KVStore.Get" },
      { file_containing_symbol: "KeyValuePair" },
      { file_by_filename: "root.proto" },
    ],
    version,
  );
  expect(list?.["list_services_response"]).toEqual({
    service: ["KVStore", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"].map((name) => ({ name })),
  });
  const descriptor = Buffer.from(loadProto("kvstore.proto").descriptor);
  expect(files.map((reply) => reply["file_descriptor_response"])).toEqual(
    files.map(() => ({ file_descriptor_proto: [descriptor] })),
  );
});

test("reflection: what is not here is an answer, not the end of the conversation", async () => {
  const { client } = await connect(new FakeNode());
  const replies = await reflect(client, [
    { file_containing_symbol: "constructor" },
    { file_by_filename: "../../etc/passwd" },
    { file_containing_extension: { containing_type: "KVStore", extension_number: 1 } },
    { all_extension_numbers_of_type: "String" },
    { all_extension_numbers_of_type: "Other" },
    {},
  ]);
  expect(replies.map((reply) => reply["error_response"]?.["error_code"])).toEqual([
    status.NOT_FOUND,
    status.NOT_FOUND,
    status.NOT_FOUND,
    undefined,
    status.NOT_FOUND,
    status.UNIMPLEMENTED,
  ]);
});

test("what the server speaks and what proto/kvstore.proto says are the same on the wire", () => {
  const published = loadProto("kvstore.proto").services.get("KVStore") as ServiceDefinition;
  const sample = { Data: "é", Key: "k\0", Value: "värde", Success: true, Exists: true, Error: "ERROR: x" };
  const bytes = Object.fromEntries(
    Object.entries(sample).map(([name, value]) => [name, typeof value === "string" ? Buffer.from(value) : value]),
  );
  expect(Object.keys(kvStoreService)).toEqual(Object.keys(published));
  for (const [name, method] of Object.entries(kvStoreService)) {
    const theirs = published[name] as ServiceDefinition[string];
    expect(method.path).toBe(theirs.path);
    expect(method.requestSerialize(bytes)).toEqual(theirs.requestSerialize(sample));
    expect(method.responseSerialize(bytes)).toEqual(theirs.responseSerialize(sample));
  }
});
