import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeCommand, RespError, RespReplyParser, type RespValue } from "@sherd/client/protocol";
import { afterEach, expect, test } from "vitest";
import { CONNECTION_OUTPUT_BYTES_PAUSE, CONNECTIONS_MAX, VALUE_BYTES_MAX } from "../../core/base/index.ts";
import { Connections } from "../../core/session/index.ts";
import { FakeNode, type FakeNodeOptions } from "../../core/session/testing/fake-node.ts";
import type { Front } from "../listen.ts";
import { processFacts, startResp } from "./index.ts";

const HOST = "127.0.0.1";

class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly #parser: RespReplyParser = new RespReplyParser();
  readonly #replies: RespValue[] = [];
  #wake: () => void = () => {};

  constructor(port: number) {
    this.socket = connect({ host: HOST, port, allowHalfOpen: true });
    this.closed = once(this.socket, "close");
    this.socket.on("end", () => this.socket.end());
    this.socket.on("data", (chunk) => {
      this.#replies.push(...this.#parser.push(chunk));
      this.#wake();
    });
  }

  send(...args: (string | Uint8Array)[]): void {
    this.socket.write(encodeCommand(args));
  }

  /** The next `count` replies, waiting for them. */
  async replies(count: number): Promise<RespValue[]> {
    while (this.#replies.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#replies.splice(0, count);
  }
}

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0).reverse()) await one();
});

interface Served {
  readonly node: FakeNode;
  readonly connections: Connections;
  readonly front: Front;
  connect(): Client;
}

async function serve(options: FakeNodeOptions = {}): Promise<Served> {
  const node = new FakeNode(options);
  const connections = new Connections(node, processFacts("0.1.0"));
  const front = await startResp(connections, { host: HOST, port: 0, redirect: false });
  cleanup.push(() => front.close());
  return {
    node,
    connections,
    front,
    connect() {
      const client = new Client(front.port);
      cleanup.push(() => client.socket.destroy());
      return client;
    },
  };
}

test("the largest value there and back, in a pipeline with others", async () => {
  const { connect: open } = await serve();
  const client = open();
  const value = Buffer.alloc(VALUE_BYTES_MAX, "0123456789abcdef");
  client.send("SET", "k", value);
  client.send("GET", "k");
  client.send("PING");
  const [ok, got, pong] = await client.replies(3);
  expect([ok, pong]).toEqual(["OK", "PONG"]);
  expect(value.equals(got as Uint8Array)).toBe(true);
});

test("replies that pile up while a client does not read all arrive once it does", async () => {
  const { node, connect: open } = await serve();
  const client = open();
  client.send("SET", "k", Buffer.alloc(CONNECTION_OUTPUT_BYTES_PAUSE / 2));
  await client.replies(1);
  client.socket.pause();
  const count = 60;
  for (let n = 0; n < count; n += 1) client.send("GET", "k");
  // The node stops taking commands from this client, and other clients do not notice.
  const other = open();
  other.send("PING");
  expect(await other.replies(1)).toEqual(["PONG"]);
  expect(node.executed.length).toBeLessThan(count);
  client.socket.resume();
  expect(await client.replies(count)).toHaveLength(count);
  client.send("PING");
  expect(await client.replies(1)).toEqual(["PONG"]);
});

test("a command sent before the client closed its side is answered", async () => {
  const { connect: open } = await serve();
  const client = open();
  client.socket.end(encodeCommand(["PING"]));
  expect(await client.replies(1)).toEqual(["PONG"]);
  await client.closed;
});

test("garbage closes its own connection and no other", async () => {
  const { connections, connect: open } = await serve();
  const good = open();
  good.send("PING");
  await good.replies(1);
  const bad = open();
  bad.socket.write("*1\r\n$x\r\n");
  const [error] = await bad.replies(1);
  expect((error as RespError).message).toBe("ERR Protocol error: invalid bulk length");
  await bad.closed;
  const reset = open();
  await once(reset.socket, "connect");
  reset.socket.resetAndDestroy();
  await reset.closed;
  good.send("PING");
  expect(await good.replies(1)).toEqual(["PONG"]);
  await expect.poll(() => connections.size).toBe(1);
});

test("one client too many is told so; one that stays all the same is cut off and does not keep the node from closing", async () => {
  const { front, connections, connect: open } = await serve();
  const taken = open();
  taken.send("PING");
  await taken.replies(1);
  const [connection] = connections.all;
  const socket = connection?.socket;
  if (socket === undefined) throw new Error("no connection");
  for (let n = 1; n < CONNECTIONS_MAX; n += 1) connections.open(socket, false);
  const client = open();
  const [error] = await client.replies(1);
  expect(error).toEqual(new RespError("ERR max number of clients reached"));
  await client.closed;
  const stays = connect({ host: HOST, port: front.port, allowHalfOpen: true });
  cleanup.push(() => stays.destroy());
  stays.resume();
  await once(stays, "end");
  taken.socket.destroy();
  await front.close();
});

test("closing answers what is open, takes nothing new, and frees the port", async () => {
  const { node, front, connect: open } = await serve({ manual: true });
  const client = open();
  client.send("SET", "k", "v");
  await expect.poll(() => node.waiting.length).toBe(1);
  const closing = front.close();
  node.answerAll();
  node.pass();
  expect(await client.replies(1)).toEqual(["OK"]);
  await client.closed;
  await closing;
  const again = await startResp(new Connections(node, processFacts("0.1.0")), { ...front, redirect: false });
  await again.close();
});

test("a connection with open requests at shutdown gets all its answers", async () => {
  const { node, front, connect: open } = await serve({ manual: true });
  const client = open();
  // The read waits for the write, and PING for both: none of these has begun when the node stops.
  const commands = [["SET", "k", "v"], ["GET", "k"], ["PING"], ["GET", "k"]];
  client.socket.write(Buffer.concat(commands.map((command) => encodeCommand(command))));
  await expect.poll(() => node.waiting.length).toBe(1);
  const closing = front.close();
  for (let turn = 0; turn < commands.length; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(await client.replies(4)).toEqual(["OK", Buffer.from("v"), "PONG", Buffer.from("v")]);
  await client.closed;
  await closing;
});

test("a command that is on its way at shutdown is waited for, but not for ever", async () => {
  const { front, connections, connect: open } = await serve();
  const [client, silent] = [open(), open()];
  const command = Buffer.from(encodeCommand(["SET", "k", "v"]));
  client.socket.write(command.subarray(0, 9));
  silent.socket.write(command.subarray(0, 9));
  await expect.poll(() => connections.size).toBe(2);
  // Both have arrived when a third client, who came later, has its answer.
  const third = open();
  third.send("PING");
  await third.replies(1);
  const closing = front.close();
  client.socket.write(command.subarray(9));
  expect(await client.replies(1)).toEqual(["OK"]);
  await Promise.all([client.closed, silent.closed, third.closed]);
  await closing;
});

test("a client that stays does not keep the node from closing", async () => {
  const { node, front, connect: open } = await serve({ manual: true });
  const client = open();
  client.send("GET", "k");
  await expect.poll(() => node.waiting.length).toBe(1);
  await front.close();
  await client.closed;
});

test("a taken port, and an address that is not here, are coded errors", async () => {
  const { front, connections } = await serve();
  await expect(startResp(connections, { host: HOST, port: front.port, redirect: true })).rejects.toMatchObject({
    code: "SHERD_ADDRESS_IN_USE",
    detail: `The cluster port ${HOST}:${front.port} is taken.`,
  });
  await expect(startResp(connections, { host: "192.0.2.1", port: 0, redirect: false })).rejects.toMatchObject({
    code: "SHERD_CONFIG_INVALID",
  });
});
