import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type Answer, RespConnection, type RespConnectionOptions } from "./connection.ts";
import { ClientError } from "./errors.ts";
import { RespError, RespPush } from "./protocol/index.ts";
import { bulk, type FakeHandler, FakeServer, OK } from "./testing/fake-server.ts";

const servers: FakeServer[] = [];
const connections: RespConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(handler: FakeHandler): Promise<FakeServer> {
  const server = await FakeServer.start(handler);
  servers.push(server);
  return server;
}

function dial(port: number, options: Partial<RespConnectionOptions> = {}): RespConnection {
  const connection = new RespConnection({ host: "127.0.0.1", port, ...options });
  connections.push(connection);
  return connection;
}

const answers = (connection: RespConnection, count: number, args: readonly string[]): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => new Promise<Answer>((resolve) => connection.send(args, resolve))));

const echo: FakeHandler = (args) => bulk(args[1] ?? "");
const silent: FakeHandler = () => undefined;

async function freePort(): Promise<number> {
  const server = await FakeServer.start(silent);
  await server.stop();
  return server.port;
}

test("replies go to their commands in order, and what is sent in one turn arrives together", async () => {
  const server = await serve(echo);
  const connection = dial(server.port);
  await connection.whenOpen();
  const replies = await Promise.all(Array.from({ length: 100 }, (_, at) => connection.call(["ECHO", `${at}`])));
  expect(replies.map((reply) => Buffer.from(reply as Uint8Array).toString())).toEqual(
    Array.from({ length: 100 }, (_, at) => `${at}`),
  );
  expect(server.chunks).toBe(1);
});

test("commands may be sent before the connection is open", async () => {
  const server = await serve(echo);
  expect(await dial(server.port).call(["ECHO", "early"])).toEqual(new Uint8Array(Buffer.from("early")));
});

test("an error reply is a value and leaves the connection as it is", async () => {
  const server = await serve((args) => (args[0] === "BAD" ? "-ERR no\r\n" : OK));
  const connection = dial(server.port);
  const [bad, good] = await Promise.all([connection.call(["BAD"]), connection.call(["GOOD"])]);
  expect(bad).toBeInstanceOf(RespError);
  expect(good).toBe("OK");
});

test("a value larger than any buffer comes whole, bytes unchanged", async () => {
  const big = "\u0000\r\n\u00ff".repeat(300_000);
  const server = await serve(() => bulk(big));
  const reply = await dial(server.port).call(["GET", "k"]);
  expect(Buffer.from(reply as Uint8Array).toString("latin1")).toBe(big);
});

test("RESP3 is greeted first; pushes answer no command", async () => {
  const pushes: RespPush[] = [];
  const server = await serve((args) => (args[0] === "HELLO" ? "%1\r\n+proto\r\n:3\r\n" : `>2\r\n+note\r\n:1\r\n${OK}`));
  const connection = dial(server.port, { resp: 3, onPush: (push) => pushes.push(push) });
  await connection.whenOpen();
  expect(await connection.call(["PING"])).toBe("OK");
  expect(pushes).toEqual([new RespPush(["note", 1])]);
  expect(server.commands).toEqual(["HELLO 3", "PING"]);
});

test("a server without RESP3 ends the connection", async () => {
  const server = await serve(() => "-NOPROTO unsupported protocol version\r\n");
  await expect(dial(server.port, { resp: 3 }).whenOpen()).rejects.toMatchObject({ code: "SHERD_CLIENT_HANDSHAKE" });
});

test("nobody listens: the command was certainly not done", async () => {
  const connection = dial(await freePort());
  const [answer] = await answers(connection, 1, ["SET", "k", "v"]);
  expect(answer).toMatchObject({ code: "SHERD_CLIENT_CONNECT", outcome: "not-done" });
  await expect(connection.whenOpen()).rejects.toMatchObject({ code: "SHERD_CLIENT_CONNECT" });
  const [later] = await answers(connection, 1, ["SET", "k", "v"]);
  expect(later).toMatchObject({ outcome: "not-done" });
});

test("the connection ends before the reply: what was sent is unknown, what was not is not done", async () => {
  const closed: ClientError[] = [];
  const server = await serve((_, connection) => {
    connection.close();
    return undefined;
  });
  const connection = dial(server.port, { onClosed: (reason) => closed.push(reason) });
  await connection.whenOpen();
  const sent = answers(connection, 2, ["SET", "k", "v"]);
  expect(await sent).toMatchObject([
    { code: "SHERD_CLIENT_LOST", outcome: "unknown" },
    { code: "SHERD_CLIENT_LOST", outcome: "unknown" },
  ]);
  expect(closed).toHaveLength(1);
  expect(connection.closed).toBe(true);
});

test("destroy tells what never left from what did", async () => {
  const server = await serve(silent);
  const connection = dial(server.port);
  await connection.whenOpen();
  const sent = answers(connection, 1, ["SET", "a", "1"]);
  await expect.poll(() => server.commands.length).toBe(1);
  const unsent = answers(connection, 1, ["SET", "b", "2"]);
  connection.destroy();
  expect(await sent).toMatchObject([{ code: "SHERD_CLIENT_CLOSED", outcome: "unknown" }]);
  expect(await unsent).toMatchObject([{ code: "SHERD_CLIENT_CLOSED", outcome: "not-done" }]);
});

test("silence while replies are owed closes the connection; idleness does not", async () => {
  const server = await serve((args) => (args[0] === "PING" ? "+PONG\r\n" : undefined));
  const connection = dial(server.port, { replyTimeoutMs: 300 });
  expect(await connection.call(["PING"])).toBe("PONG");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(connection.closed).toBe(false);
  const [answer] = await answers(connection, 1, ["HANG"]);
  expect(answer).toMatchObject({ code: "SHERD_CLIENT_TIMEOUT", outcome: "unknown" });
});

test("replies that keep coming keep a slow pipeline alive", async () => {
  const server = await serve((_, connection) => {
    const place = server.commands.length;
    setTimeout(() => connection.send(OK), place * 120);
    return undefined;
  });
  const connection = dial(server.port, { replyTimeoutMs: 900 });
  expect(await answers(connection, 10, ["SET", "k", "v"])).toEqual(Array.from({ length: 10 }, () => "OK"));
});

test("a dial that nobody answers is given up", async () => {
  // 192.0.2.0/24 is reserved for documentation. Where the network refuses it at once, the code is the same.
  const connection = dial(9, { host: "192.0.2.1", connectTimeoutMs: 50 });
  await expect(connection.whenOpen()).rejects.toMatchObject({ code: "SHERD_CLIENT_CONNECT", outcome: "not-done" });
});

test("beyond the bound a command fails at once, and is not sent", async () => {
  const server = await serve(silent);
  const connection = dial(server.port, { inflightMax: 3 });
  await connection.whenOpen();
  const held = answers(connection, 3, ["SET", "k", "v"]);
  const [refused] = await answers(connection, 1, ["SET", "k", "v"]);
  expect(refused).toMatchObject({ code: "SHERD_CLIENT_BUSY", outcome: "not-done" });
  await expect.poll(() => server.commands.length).toBe(3);
  connection.destroy();
  await held;
});

test("beyond the bound of bytes too, but one command always passes", async () => {
  const server = await serve(() => OK);
  const connection = dial(server.port, { unsentBytesMax: 100 });
  await connection.whenOpen();
  const value = "v".repeat(1_000);
  const [first, second] = await answers(connection, 2, ["SET", "k", value]);
  expect(first).toBe("OK");
  expect(second).toMatchObject({ code: "SHERD_CLIENT_BUSY" });
  expect(await connection.call(["SET", "k", value])).toBe("OK");
});

test("what is not RESP ends the connection, as does a reply nobody asked for", async () => {
  const garbage = await serve(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
  const [answer] = await answers(dial(garbage.port), 1, ["PING"]);
  expect(answer).toMatchObject({ code: "SHERD_CLIENT_PROTOCOL", outcome: "unknown" });

  const closed: ClientError[] = [];
  const chatty = await serve(() => OK + OK);
  const connection = dial(chatty.port, { onClosed: (reason) => closed.push(reason) });
  expect(await connection.call(["PING"])).toBe("OK");
  await expect.poll(() => closed).toHaveLength(1);
  expect(closed[0]).toMatchObject({ code: "SHERD_CLIENT_PROTOCOL" });
});

test("close waits for the replies that are owed", async () => {
  let answer: (() => void) | undefined;
  const server = await serve((_, connection) => {
    answer = () => connection.send(OK);
    return undefined;
  });
  const connection = dial(server.port);
  const owed = connection.call(["SET", "k", "v"]);
  await expect.poll(() => server.commands.length).toBe(1);
  connection.close();
  const [late] = await answers(connection, 1, ["SET", "k", "v"]);
  expect(late).toMatchObject({ code: "SHERD_CLIENT_CLOSED", outcome: "not-done" });
  answer?.();
  expect(await owed).toBe("OK");
  expect(connection.closed).toBe(true);
});

test("a handler that destroys the connection gets no second answer", async () => {
  const server = await serve(() => OK + OK);
  const connection = dial(server.port);
  const seen: Answer[] = [];
  await new Promise<void>((resolve) => {
    connection.send(["A"], (answer) => {
      seen.push(answer);
      connection.destroy();
      resolve();
    });
    connection.send(["B"], (answer) => seen.push(answer));
  });
  expect(seen).toEqual(["OK", expect.any(ClientError)]);
});

test("a peer that ends its side cleanly counts as lost too", async () => {
  const server = await serve((_, connection) => {
    connection.close();
    return undefined;
  });
  // The fake really is a server: a plain socket sees the end as well.
  await new Promise<void>((resolve) => {
    const plain = connect(server.port, "127.0.0.1", () => plain.write("*1\r\n$4\r\nPING\r\n"));
    plain.on("close", () => resolve());
  });
  const [answer] = await answers(dial(server.port), 1, ["PING"]);
  expect(answer).toMatchObject({ code: "SHERD_CLIENT_LOST" });
});

test("a password is sent before anything else, and a refusal ends the connection", async () => {
  const server = await FakeServer.start((args) => {
    if (args[0] === "AUTH" || args[0] === "HELLO") return args.includes("pw") ? OK : "-WRONGPASS no\r\n";
    return OK;
  });
  const to = { host: "127.0.0.1", port: server.port };
  const connection = await RespConnection.open({ ...to, username: "alice", password: "pw" });
  expect(await connection.call(["PING"])).toBe("OK");
  const newer = await RespConnection.open({ ...to, resp: 3, password: "pw" });
  await expect(RespConnection.open({ ...to, password: "wrong" })).rejects.toMatchObject({
    code: "SHERD_CLIENT_HANDSHAKE",
    message: expect.stringContaining("WRONGPASS no"),
  });
  expect(server.commands).toEqual(["AUTH alice pw", "PING", "HELLO 3 AUTH default pw", "AUTH default wrong"]);
  connection.destroy();
  newer.destroy();
  await server.stop();
});
