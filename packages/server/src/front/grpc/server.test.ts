import { fileURLToPath } from "node:url";
import {
  Client,
  type ClientUnaryCall,
  credentials,
  loadPackageDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterEach, expect, test, vi } from "vitest";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../core/base/index.ts";
import { errorReply } from "../../core/command/index.ts";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import type { Row } from "../../core/store/index.ts";
import type { Front } from "../listen.ts";
import { type FinishedCall, type KvStoreOptions, startGrpc } from "./index.ts";

const HOST = "127.0.0.1";
/** Long enough for a machine that does much else; a test that passes does not wait for it. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);
const PROTO = fileURLToPath(new URL("../../../proto/kvstore.proto", import.meta.url));

type Message = Record<string, string | boolean>;
type Call = (message: Message, options?: { deadline: number }) => Promise<Message> & { cancel(): void };

/** A client made from the .proto file alone, as anybody else would make it. */
class KvClient {
  readonly #client: Client;
  readonly get: Call;
  readonly put: Call;
  readonly delete: Call;

  constructor(port: number) {
    const service = loadPackageDefinition(loadSync(PROTO, { keepCase: true, defaults: true }))["KVStore"];
    const Service = service as unknown as new (...args: unknown[]) => Client & Record<string, unknown>;
    const client = new Service(`${HOST}:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": VALUE_BYTES_MAX + 1024,
    });
    const call =
      (method: string): Call =>
      (message, options = { deadline: Number.POSITIVE_INFINITY }) => {
        let cancel: () => void = () => {};
        const reply = new Promise<Message>((resolve, reject) => {
          const invoke = client[method] as (...args: unknown[]) => ClientUnaryCall;
          const running = invoke.call(client, message, options, (error: ServiceError | null, answer: Message) =>
            error === null ? resolve(answer) : reject(error),
          );
          cancel = () => running.cancel();
        });
        return Object.assign(reply, { cancel: () => cancel() });
      };
    this.#client = client;
    this.get = call("Get");
    this.put = call("Put");
    this.delete = call("Delete");
  }

  close(): void {
    this.#client.close();
  }
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function serve(node: FakeNode, options: KvStoreOptions = {}): Promise<KvClient> {
  const front: Front = await startGrpc(node, { host: HOST, port: 0, ...options });
  const client = new KvClient(front.port);
  open.push(front, client);
  return client;
}

const FOUND = (value: string): Message => ({ Success: true, Exists: true, Data: value });
const MISSING: Message = { Success: true, Exists: false, Data: "" };
const DONE: Message = { Success: true, Error: "" };

test("put, get, delete; a missing key is no failure; an empty value exists", async () => {
  const client = await serve(new FakeNode());
  expect(await client.get({ Data: "k" })).toEqual(MISSING);
  expect(await client.put({ Key: "k", Value: "värde 🜁\0\r\n" })).toEqual(DONE);
  expect(await client.get({ Data: "k" })).toEqual(FOUND("värde 🜁\0\r\n"));
  expect(await client.put({ Key: "k", Value: "" })).toEqual(DONE);
  expect(await client.get({ Data: "k" })).toEqual(FOUND(""));
  expect(await client.delete({ Data: "k" })).toEqual(DONE);
  expect(await client.delete({ Data: "k" })).toEqual(DONE);
  expect(await client.get({ Data: "k" })).toEqual(MISSING);
});

test("the largest value comes back, one byte more is refused in words, and so is a key that is too long", async () => {
  const client = await serve(new FakeNode());
  const largest = "x".repeat(VALUE_BYTES_MAX);
  expect(await client.put({ Key: "big", Value: largest })).toEqual(DONE);
  expect((await client.get({ Data: "big" }))["Data"]).toHaveLength(VALUE_BYTES_MAX);
  expect(await client.put({ Key: "big", Value: `${largest}x` })).toEqual({
    Success: false,
    Error: `ERROR: value is ${VALUE_BYTES_MAX + 1} bytes long; at most ${VALUE_BYTES_MAX} are allowed`,
  });
  const text = `ERROR: key is ${KEY_BYTES_MAX + 1} bytes long; at most ${KEY_BYTES_MAX} are allowed`;
  const long = "k".repeat(KEY_BYTES_MAX + 1);
  expect(await client.get({ Data: long })).toEqual({ Success: false, Exists: false, Data: text });
  expect(await client.put({ Key: long, Value: "" })).toEqual({ Success: false, Error: text });
  expect(await client.delete({ Data: long })).toEqual({ Success: false, Error: text });
});

test("a value that another protocol stored and that is not UTF-8 is a failure, not a mangled value", async () => {
  const rows = new Map<string, Row>([
    ["raw", { kind: 1, expiresAtMs: 0, version: 1, payload: Uint8Array.of(0xff, 0xfe) }],
  ]);
  const client = await serve(new FakeNode({ rows }));
  const reply = await client.get({ Data: "raw" });
  expect(reply).toMatchObject({ Success: false, Exists: false });
  expect(reply["Data"]).toMatch(/^ERROR: the value is not UTF-8/);
});

test("a key of another type is a failure, and Put replaces it as SET does", async () => {
  const rows = new Map<string, Row>([
    ["list", { kind: 2 as Row["kind"], expiresAtMs: 0, version: 1, payload: Uint8Array.of(1) }],
  ]);
  const client = await serve(new FakeNode({ rows }));
  const reply = await client.get({ Data: "list" });
  expect(reply).toMatchObject({ Success: false, Exists: false });
  expect(reply["Data"]).toMatch(/^ERROR: WRONGTYPE /);
  expect(await client.put({ Key: "list", Value: "text" })).toEqual(DONE);
  expect(await client.get({ Data: "list" })).toEqual(FOUND("text"));
});

test("errors of the store: in Data of a Get, in Error of the others", async () => {
  const node = new FakeNode();
  node.reply = () => errorReply("INDETERMINATE", "the leader was lost");
  const client = await serve(node);
  const text = "ERROR: INDETERMINATE the leader was lost";
  expect(await client.get({ Data: "k" })).toEqual({ Success: false, Exists: false, Data: text });
  expect(await client.put({ Key: "k", Value: "v" })).toEqual({ Success: false, Error: text });
  expect(await client.delete({ Data: "k" })).toEqual({ Success: false, Error: text });
});

test("an election in the middle of a call is waited out", async () => {
  const node = new FakeNode();
  let refusals = 3;
  node.reply = () => {
    refusals -= 1;
    return refusals >= 0 ? errorReply("CLUSTERDOWN", "Hash slot not served") : undefined;
  };
  const client = await serve(node);
  expect(await client.put({ Key: "k", Value: "v" })).toEqual(DONE);
  expect(node.executed).toEqual(["set", "set", "set", "set"]);
});

test("without an answer a read says so and a write says that its outcome is unknown", async () => {
  const node = new FakeNode({ manual: true });
  const client = await serve(node, { defaultDeadlineMs: 50 });
  const read = await client.get({ Data: "k" });
  expect(read).toEqual({ Success: false, Exists: false, Data: "ERROR: TIMEOUT no answer within 50 ms; try again" });
  const write = await client.put({ Key: "k", Value: "v" });
  expect(write["Success"]).toBe(false);
  expect(write["Error"]).toMatch(/^ERROR: INDETERMINATE no answer within 50 ms/);
  // The late answers find nobody, and harm nobody.
  node.answerAll();
});

test("a cluster that stays down is reported as what it is: nothing was done", async () => {
  const node = new FakeNode();
  node.reply = () => errorReply("CLUSTERDOWN", "Hash slot not served");
  const client = await serve(node, { defaultDeadlineMs: 120 });
  expect(await client.put({ Key: "k", Value: "v" })).toEqual({
    Success: false,
    Error: "ERROR: CLUSTERDOWN Hash slot not served",
  });
});

test("a client's own deadline is kept to, and a call that it gave up is not tried again", async () => {
  const node = new FakeNode();
  node.reply = () => errorReply("CLUSTERDOWN", "Hash slot not served");
  const client = await serve(node);
  const from = Date.now();
  // DEADLINE_EXCEEDED from the client, or the server's own words, whichever is first.
  await client.get({ Data: "k" }, { deadline: from + 150 }).catch((error: ServiceError) => expect(error.code).toBe(4));
  expect(Date.now() - from).toBeLessThan(2_000);
});

test("many calls at once on one channel", async () => {
  const client = await serve(new FakeNode());
  const keys = Array.from({ length: 200 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key) => client.put({ Key: key, Value: key })));
  expect(await Promise.all(keys.map((key) => client.get({ Data: key })))).toEqual(keys.map((key) => FOUND(key)));
});

test("beyond --max-inflight calls wait for their turn", async () => {
  const node = new FakeNode({ manual: true });
  const client = await serve(node, { inflightMax: 2 });
  const replies = Promise.all(["a", "b", "c"].map((key) => client.put({ Key: key, Value: key })));
  await eventually(() => expect(node.waiting).toHaveLength(2));
  node.answer();
  await eventually(() => expect(node.executed).toHaveLength(3));
  node.answerAll();
  expect(await replies).toEqual([DONE, DONE, DONE]);
});

test("a call that waited in vain is RESOURCE_EXHAUSTED, and was never begun", async () => {
  const node = new FakeNode({ manual: true });
  const finished: FinishedCall[] = [];
  const client = await serve(node, { inflightMax: 1, defaultDeadlineMs: 60, onCall: (call) => finished.push(call) });
  const first = client.put({ Key: "a", Value: "1" }, { deadline: Date.now() + 30_000 });
  await eventually(() => expect(node.waiting).toHaveLength(1));
  await expect(client.put({ Key: "bb", Value: "2" })).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringContaining("nothing was done"),
  });
  expect(finished).toMatchObject([{ method: "Put", keyBytes: 2, result: "RESOURCE_EXHAUSTED" }]);
  node.answerAll();
  expect(await first).toEqual(DONE);
  expect(node.executed).toEqual(["set"]);
});

test("a cancelled call is not tried again; what the node works on keeps its place until the node is done", async () => {
  const node = new FakeNode({ manual: true });
  const finished: FinishedCall[] = [];
  const client = await serve(node, { inflightMax: 1, defaultDeadlineMs: 60, onCall: (call) => finished.push(call) });
  const patient = { deadline: Date.now() + 30_000 };
  const cancelled = client.put({ Key: "a", Value: "1" }, patient);
  await eventually(() => expect(node.waiting).toHaveLength(1));
  cancelled.cancel();
  await expect(cancelled).rejects.toMatchObject({ code: status.CANCELLED });
  await eventually(() => expect(finished).toMatchObject([{ method: "Put", result: "CANCELLED" }]));

  const waiting = client.get({ Data: "a" }, patient);
  // It waits for the place of a call that nobody waits for any more.
  await expect(client.get({ Data: "b" })).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  expect(node.executed).toEqual(["set"]);
  node.reply = ({ spec }) => (spec.name === "set" ? errorReply("CLUSTERDOWN", "Hash slot not served") : undefined);
  node.answer();
  await eventually(() => expect(node.waiting).toHaveLength(1));
  node.answer();
  expect(await waiting).toEqual(MISSING);
  expect(node.executed).toEqual(["set", "get"]);
});

test("every call can be logged: method, length of the key, result, time; nothing that it carried", async () => {
  const finished: FinishedCall[] = [];
  const node = new FakeNode();
  const client = await serve(node, { onCall: (call) => finished.push(call) });
  await client.get({ Data: "secret" });
  await client.put({ Key: "secret", Value: "secret" });
  await client.get({ Data: "secret" });
  await client.delete({ Data: "k".repeat(KEY_BYTES_MAX + 1) });
  node.reply = () => errorReply("MISCONF", "secret");
  await client.put({ Key: "é", Value: "" });
  expect(finished).toEqual(
    [
      { method: "Get", keyBytes: 6, result: "missing" },
      { method: "Put", keyBytes: 6, result: "ok" },
      { method: "Get", keyBytes: 6, result: "ok" },
      { method: "Delete", keyBytes: KEY_BYTES_MAX + 1, result: "ERR" },
      { method: "Put", keyBytes: 2, result: "MISCONF" },
    ].map((call) => ({ ...call, ms: expect.any(Number) })),
  );
  expect(JSON.stringify(finished)).not.toContain("secret");
});

test("a taken port is a coded error that names it", async () => {
  const front = await startGrpc(new FakeNode(), { host: HOST, port: 0 });
  open.push(front);
  await expect(startGrpc(new FakeNode(), { host: HOST, port: front.port })).rejects.toMatchObject({
    code: "SHERD_ADDRESS_IN_USE",
    detail: `The gRPC port ${HOST}:${front.port} is taken.`,
  });
});
