import { expect, test } from "vitest";
import { testSecrets } from "../access/testing/rules.ts";
import {
  AUTH_FAILURES_MAX,
  CLIENTS_CHECK_MS,
  KEY_BYTES_MAX,
  STRANGER_ARG_BYTES_MAX,
  STRANGER_MS_MAX,
  USER_RULES_BYTES_MAX,
  utf8Bytes,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { Connections } from "./connections.ts";
import { FakeClient, testFacts } from "./testing/fake-client.ts";
import { FakeNode } from "./testing/fake-node.ts";

const NOT_IN = "-NOAUTH Authentication required.";
const WRONG = "-WRONGPASS invalid username-password pair or user is disabled.";

function start(...users: string[]): { node: FakeNode; connect: () => FakeClient; admin: FakeClient } {
  const node = new FakeNode({ nodes: [{ clusterPort: 7379 }, { clusterPort: 7380 }], shards: 1 });
  const connections = new Connections(node, testFacts);
  const admin = new FakeClient(connections);
  for (const user of users) expect(admin.ask("ACL", "SETUSER", ...user.split(" "))).toBe("OK");
  return { node, connect: () => new FakeClient(connections), admin };
}

/** Alice, signed in. */
function alice(rules: string): ReturnType<typeof start> & { client: FakeClient } {
  const world = start(`alice on >pw ${rules}`);
  const client = world.connect();
  expect(client.ask("AUTH", "alice", "pw")).toBe("OK");
  return { ...world, client };
}

test("without users everybody is the default user and may do everything", () => {
  const client = start().connect();
  expect(client.ask("ACL", "WHOAMI")).toBe("default");
  expect(client.ask("ACL", "LIST")).toEqual(["user default on nopass ~* &* +@all"]);
  expect(client.ask("SET", "a", "1")).toBe("OK");
  expect(client.ask("AUTH", "anything")).toMatch(/^-ERR AUTH <password> called without any password configured/);
  expect(client.ask("AUTH", "default", "anything")).toBe("OK");
  expect(client.ask("AUTH", "nobody", "anything")).toBe(WRONG);
});

test("once the default user has a password, a connection has to say who it is", () => {
  const { connect } = start("default >secret");
  const client = connect();
  for (const command of [["GET", "a"], ["NOSUCH"], ["PING"], ["MULTI"], ["ACL", "WHOAMI"], ["WATCH", "a"]]) {
    expect(client.ask(...command), command.join(" ")).toBe(NOT_IN);
  }
  expect(client.ask("HELLO", "3")).toMatch(/^-NOAUTH HELLO must be called with the client already authenticated/);
  expect(client.ask("HELLO", "3", "AUTH", "default", "wrong")).toBe(WRONG);
  expect(client.ask("AUTH", "wrong")).toBe(WRONG);
  expect(client.ask("AUTH", "secret")).toBe("OK");
  expect(client.ask("PING")).toBe("PONG");
  expect(client.ask("RESET")).toBe("RESET");
  expect(client.ask("PING")).toBe(NOT_IN);
  expect(client.ask("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me")).toMatchObject({ proto: 3 });
  expect(client.ask("CLIENT", "GETNAME")).toBe("me");
});

test("a stranger may send only little; who is known may send what everybody may", () => {
  const { connect } = start("default >secret");
  const many = connect();
  expect(many.ask("MSET", ...Array.from({ length: 10 }, () => "x"))).toBe(
    "-ERR Protocol error: unauthenticated multibulk length",
  );
  expect(many.closed).toBe(true);
  const large = connect();
  large.sendRaw(`*2\r\n$4\r\nAUTH\r\n$${STRANGER_ARG_BYTES_MAX + 1}\r\n`);
  expect(large.take()).toEqual(["-ERR Protocol error: unauthenticated bulk length"]);
  expect(large.closed).toBe(true);
  const known = connect();
  known.pipeline(["AUTH", "secret"], ["SET", "a", "x".repeat(STRANGER_ARG_BYTES_MAX + 1)]);
  expect(known.take()).toEqual(["OK", "OK"]);
});

test("when connections run short, those who have not said who they are make room", () => {
  const node = new FakeNode({ shards: 1 });
  let wallMs = 1_000_000;
  const connections = new Connections(node, { ...testFacts, wallMs: () => wallMs });
  const admin = new FakeClient(connections);
  expect(admin.ask("CONFIG", "SET", "maxclients", "4")).toBe("OK");
  expect(admin.ask("ACL", "SETUSER", "default", ">secret")).toBe("OK");
  const known = new FakeClient(connections);
  expect(known.ask("AUTH", "secret")).toBe("OK");
  const strangers = [new FakeClient(connections)];
  wallMs += STRANGER_MS_MAX;
  node.tick(CLIENTS_CHECK_MS);
  // There is still room.
  expect(strangers[0]?.destroyed).toBe(false);
  strangers.push(new FakeClient(connections));
  node.tick(2 * CLIENTS_CHECK_MS);
  expect(strangers.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  expect([admin.destroyed, known.destroyed]).toEqual([false, false]);
});

test("who was let in before the password stays", () => {
  const { admin, connect } = start();
  const before = connect();
  expect(admin.ask("ACL", "SETUSER", "default", ">secret")).toBe("OK");
  expect(before.ask("PING")).toBe("PONG");
  expect(connect().ask("PING")).toBe(NOT_IN);
});

test("a HELLO that fails in its last word has let nobody in", () => {
  const client = start("alice on >pw +@all ~*", "default >secret").connect();
  expect(client.ask("HELLO", "3", "AUTH", "alice", "pw", "NOSUCH")).toMatch(/^-ERR Syntax error in HELLO/);
  expect(client.ask("PING")).toBe(NOT_IN);
});

test("commands, subcommands, keys: what is not allowed is refused, and nothing has happened", () => {
  const { client, node } = alice("~app:* +@all -@dangerous -del +client|id");
  expect(client.ask("SET", "app:1", "x")).toBe("OK");
  expect(client.ask("SET", "other", "x")).toBe("-NOPERM No permissions to access a key");
  expect(client.ask("DEL", "app:1")).toBe("-NOPERM User alice has no permissions to run the 'del' command");
  expect(client.ask("CLIENT", "ID")).toEqual(expect.any(Number));
  expect(client.ask("CLIENT", "LIST")).toBe("-NOPERM User alice has no permissions to run the 'client|list' command");
  expect(client.ask("CONFIG", "GET", "*")).toBe(
    "-NOPERM User alice has no permissions to run the 'config|get' command",
  );
  expect(client.ask("ACL", "LIST")).toBe("-NOPERM User alice has no permissions to run the 'acl|list' command");
  expect(client.ask("ACL", "WHOAMI")).toBe("alice");
  expect(client.ask("NOSUCH")).toMatch(/^-ERR unknown command/);
  expect(client.ask("GET")).toMatch(/^-ERR wrong number of arguments/);
  expect(client.ask("WATCH", "other")).toBe("-NOPERM No permissions to access a key");
  expect(client.ask("MGET", "app:{1}", "o{app:1}")).toBe("-NOPERM No permissions to access a key");
  expect([...node.rows.keys()]).toEqual(["app:1"]);
});

test("subcommands that run on a shard have rules of their own", () => {
  const { client } = alice("~a +object|encoding +set");
  client.ask("SET", "a", "1");
  expect(client.ask("OBJECT", "ENCODING", "a")).toBe("int");
  expect(client.ask("OBJECT", "ENCODING", "b")).toBe("-NOPERM No permissions to access a key");
  expect(client.ask("OBJECT", "REFCOUNT", "a")).toBe(
    "-NOPERM User alice has no permissions to run the 'object|refcount' command",
  );
});

test("reading and writing are two permissions", () => {
  const { client } = alice("%R~r{1}* %W~w{1}* ~b{1} +@all");
  const no = "-NOPERM No permissions to access a key";
  expect(client.ask("SET", "r{1}", "x")).toBe(no);
  expect(client.ask("SET", "w{1}", "x")).toBe("OK");
  expect(client.ask("GET", "w{1}")).toBe(no);
  // What it answers is the old value.
  expect(client.ask("SET", "w{1}", "x", "GET")).toBe(no);
  expect(client.ask("SET", "b{1}", "x", "get")).toBe(null);
  expect(client.ask("GETSET", "w{1}", "x")).toBe(no);
  expect(client.ask("EXISTS", "w{1}", "r{1}")).toBe(1);
  expect(client.ask("COPY", "r{1}", "w{1}2")).toBe(0);
  expect(client.ask("COPY", "w{1}", "b{1}")).toBe(no);
  expect(client.ask("BITFIELD", "r{1}", "GET", "u8", "0")).toEqual([0]);
  expect(client.ask("BITFIELD", "r{1}", "SET", "u8", "0", "1")).toBe(no);
  expect(client.ask("INCR", "w{1}")).toBe(no);
});

test("inside MULTI: refused when it is queued, and EXEC runs nothing", () => {
  const { client, node } = alice("~{a}* +@all -del");
  expect(client.ask("MULTI")).toBe("OK");
  expect(client.ask("SET", "{a}1", "x")).toBe("QUEUED");
  expect(client.ask("DEL", "{a}1")).toMatch(/^-NOPERM User alice/);
  expect(client.ask("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.");
  expect(node.rows.size).toBe(0);
});

test("rules that change between MULTI and EXEC end the transaction; those of another user do not", () => {
  const { client, admin, node } = alice("~* +@all");
  client.ask("MULTI");
  client.ask("SET", "a", "x");
  expect(admin.ask("ACL", "SETUSER", "bob", "on", ">pw")).toBe("OK");
  expect(client.ask("EXEC")).toEqual(["OK"]);
  client.ask("MULTI");
  client.ask("SET", "a", "y");
  expect(admin.ask("ACL", "SETUSER", "alice", "-set")).toBe("OK");
  expect(client.ask("EXEC")).toMatch(/^-EXECABORT Transaction discarded because of: NOPERM ACLs rules changed/);
  expect(client.ask("GET", "a")).toBe("x");
  expect(node.executed.filter((name) => name === "exec")).toHaveLength(1);
});

test("changed rules count from the next command on; a user that is gone or switched off is closed", () => {
  const { client, admin, connect, node } = alice("~* +@all");
  const second = connect();
  expect(second.ask("AUTH", "alice", "pw")).toBe("OK");
  expect(admin.ask("ACL", "SETUSER", "alice", "-set")).toBe("OK");
  expect(client.ask("SET", "a", "1")).toMatch(/^-NOPERM User alice/);
  expect(admin.ask("ACL", "SETUSER", "alice", "off")).toBe("OK");
  node.pass();
  expect([client.closed, second.closed, admin.closed]).toEqual([true, true, false]);
  expect(connect().ask("AUTH", "alice", "pw")).toBe(WRONG);
});

test("who removes itself is told so, then closed", () => {
  const { client, node } = alice("~* +@all");
  client.pipeline(["ACL", "DELUSER", "alice", "nobody"], ["SET", "a", "1"]);
  node.pass();
  expect(client.take()).toEqual([1]);
  expect(client.closed).toBe(true);
  expect(node.rows.size).toBe(0);
});

test("guessing ends: the connection is closed after so many wrong passwords", () => {
  const { connect, node } = start("default >secret");
  const client = connect();
  for (let n = 0; n < AUTH_FAILURES_MAX; n += 1) {
    expect(client.closed).toBe(false);
    expect(client.ask("AUTH", `guess ${n}`)).toBe(WRONG);
  }
  expect(client.closed).toBe(true);
  expect(JSON.stringify(node.complaints)).not.toContain("guess");
  expect(node.complaints[0]).toMatchObject({ user: "default", address: "127.0.0.1" });
});

test("SETUSER says what is wrong, changes nothing, and quotes no password", () => {
  const { admin } = start("alice on >pw");
  const before = admin.ask("ACL", "LIST");
  expect(admin.ask("ACL", "SETUSER", "alice", "off", "+nosuch")).toBe(
    "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL",
  );
  expect(admin.ask("ACL", "SETUSER", "alice", "<secret")).toBe(
    "-ERR Error in ACL SETUSER modifier '<': The password you are trying to remove from the user does not exist",
  );
  expect(admin.ask("ACL", "SETUSER", "a b", "on")).toBe("-ERR Usernames can't contain spaces or null characters");
  expect(admin.ask("ACL", "LIST")).toEqual(before);
});

test("GETUSER, USERS, DELUSER, CAT, GENPASS, SAVE, LOAD", () => {
  const { admin } = start("alice on >pw ~a* %R~b &c +@read -get");
  const hash = testSecrets.sha256Hex(utf8Bytes("pw"));
  admin.ask("HELLO", "3");
  expect(admin.ask("ACL", "GETUSER", "alice")).toMatchObject({
    passwords: [hash],
    commands: "-@all +@read -get",
    keys: "~a* %R~b",
    channels: "&c",
    selectors: [],
  });
  expect(admin.ask("ACL", "GETUSER", "nobody")).toBe(null);
  expect(admin.ask("ACL", "USERS")).toEqual(["alice", "default"]);
  expect(admin.ask("ACL", "DELUSER", "alice", "nobody")).toBe(1);
  expect(admin.ask("ACL", "DELUSER", "alice")).toBe(0);
  expect(admin.ask("ACL", "DELUSER", "default")).toBe("-ERR The 'default' user cannot be removed");
  expect(admin.ask("ACL", "CAT")).toContain("dangerous");
  expect(admin.ask("ACL", "CAT", "bitmap")).toContain("setbit");
  expect(admin.ask("ACL", "CAT", "nosuch")).toBe("-ERR Unknown category 'nosuch'");
  expect(admin.ask("ACL", "GENPASS")).toMatch(/^[0-9a-f]{64}$/);
  expect(admin.ask("ACL", "GENPASS", "5")).toMatch(/^[0-9a-f]{2}$/);
  for (const bits of ["0", "4097", "x"])
    expect(admin.ask("ACL", "GENPASS", bits)).toMatch(/^-ERR ACL GENPASS argument/);
  expect(admin.ask("ACL", "SAVE")).toBe("OK");
  expect(admin.ask("ACL", "LOAD")).toMatch(/^-ERR users are kept by the cluster/);
});

test("DRYRUN tells what would be refused", () => {
  const { admin } = start("alice ~a* +get +client|id");
  const dryRun = (...command: string[]): unknown => admin.ask("ACL", "DRYRUN", "alice", ...command);
  expect(dryRun("get", "a1")).toBe("OK");
  expect(dryRun("get", "b")).toBe("User alice has no permissions to access the 'b' key");
  expect(dryRun("set", "a", "1")).toBe("User alice has no permissions to run the 'set' command");
  expect(dryRun("client", "id")).toBe("OK");
  expect(dryRun("client", "list")).toBe("User alice has no permissions to run the 'client|list' command");
  expect(dryRun("nosuch", "x")).toBe("-ERR Command 'nosuch' not found");
  expect(dryRun("get")).toBe("-ERR wrong number of arguments for 'get' command");
  expect(admin.ask("ACL", "DRYRUN", "nobody", "get", "a")).toBe("-ERR User 'nobody' not found");
});

test("ACL LOG: what was refused, the same again counted together", () => {
  const { admin, client } = alice("~a +@all -del");
  for (let n = 0; n < 3; n += 1) client.ask("DEL", "a");
  client.ask("GET", "b");
  client.ask("AUTH", "alice", "wrong");
  const entries = admin.ask("ACL", "LOG") as unknown[][];
  const field = (entry: unknown[] | undefined, name: string): unknown => entry?.[entry.indexOf(name) + 1];
  expect(entries.map((entry) => [field(entry, "reason"), field(entry, "object"), field(entry, "count")])).toEqual([
    ["auth", "AUTH", 1],
    ["key", "b", 1],
    ["command", "del", 3],
  ]);
  expect(field(entries[0], "username")).toBe("alice");
  expect(admin.ask("ACL", "LOG", "1")).toHaveLength(1);
  expect(admin.ask("ACL", "LOG", "RESET")).toBe("OK");
  expect(admin.ask("ACL", "LOG")).toEqual([]);
});

test("a name longer than any key or channel is denied without a comparison, and ACL LOG keeps its beginning only", () => {
  // Compared with this pattern, such a name takes a node most of a minute.
  const slow = `*${"a".repeat(500)}b*`;
  const { client, admin } = alice(`+@all ~${slow} &${slow}`);
  const long = new Uint8Array(VALUE_BYTES_MAX - 1_000).fill(0x61);
  expect(client.ask("GET", long)).toBe("-NOPERM No permissions to access a key");
  expect(client.ask("PUBLISH", long, "x")).toBe("-NOPERM No permissions to access a channel");
  const log = admin.ask("ACL", "LOG") as unknown[][];
  const objects = log.map((entry) => entry[entry.indexOf("object") + 1] as string);
  expect(objects.map(({ length }) => length)).toEqual([KEY_BYTES_MAX, KEY_BYTES_MAX]);
});

test("what CLIENT PAUSE holds back is run by the rules of the moment at which it runs", () => {
  const { client, admin, connect, node } = alice("~* &* +@all");
  const others = [connect(), connect(), connect(), connect()] as const;
  for (const other of others) expect(other.ask("AUTH", "alice", "pw")).toBe("OK");
  const [allowed, transaction, published, watching] = others;
  transaction.pipeline(["MULTI"], ["SET", "t", "1"]);
  expect(transaction.take()).toEqual(["OK", "QUEUED"]);
  expect(admin.ask("CLIENT", "PAUSE", "100000", "ALL")).toBe("OK");
  client.pipeline(["SET", "a", "1"], ["PING"]);
  allowed.send("GET", "a");
  transaction.send("EXEC");
  published.send("PUBLISH", "news", "x");
  watching.pipeline(["WATCH", "a"], ["MULTI"], ["GET", "a"], ["EXEC"]);
  // At another node: ACL waits here, too.
  const rules = "on nopass ~* &* +@all -set -publish -watch";
  node.changeUsers(
    () => [{ name: "alice", rules }],
    () => {},
  );
  expect(admin.ask("CLIENT", "UNPAUSE")).toBe("OK");
  node.pass();
  expect(client.take()).toEqual(["-NOPERM User alice has no permissions to run the 'set' command", "PONG"]);
  expect(allowed.take()).toEqual([null]);
  expect(transaction.take()).toEqual([expect.stringMatching(/^-EXECABORT .* NOPERM ACLs rules changed/)]);
  expect(published.take()).toEqual(["-NOPERM User alice has no permissions to run the 'publish' command"]);
  expect(watching.take()).toEqual([
    "-NOPERM User alice has no permissions to run the 'watch' command",
    "OK",
    "QUEUED",
    [null],
  ]);
  expect([...node.rows.keys()]).toEqual([]);
});

test("a command that waits for its connection's earlier ones is checked again; who is gone runs nothing", () => {
  const { client, admin, connect, node } = alice("~* +@all");
  const second = connect();
  expect(second.ask("AUTH", "alice", "pw")).toBe("OK");
  node.manual = true;
  client.pipeline(["GET", "a"], ["SET", "a", "1"]);
  second.pipeline(["GET", "a"], ["SET", "a", "2"]);
  expect(node.waiting.map(({ spec }) => spec.name)).toEqual(["get", "get"]);
  expect(admin.ask("ACL", "SETUSER", "alice", "resetkeys", "~b")).toBe("OK");
  node.answer();
  node.pass();
  expect(client.take()).toEqual([null, "-NOPERM No permissions to access a key"]);
  expect(admin.ask("ACL", "DELUSER", "alice")).toBe(1);
  node.answerAll();
  node.pass();
  expect(second.take()).toEqual([null]);
  expect([second.closed, node.rows.size, node.waiting.length]).toEqual([true, 0, 0]);
});

/** Alice again, who does not take her replies; rows as large as they may be, and requests that wait to be answered. */
function slowReader(): ReturnType<typeof alice> & { names: readonly string[] } {
  const world = alice("~* +@all");
  const names = "abcdefghij".split("");
  for (const name of names) {
    world.node.rows.set(name, { kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.alloc(VALUE_BYTES_MAX, name) });
  }
  world.node.manual = true;
  world.client.slow = true;
  return { ...world, names };
}

test("reads that are read again, since the client did not take their replies, are checked again", () => {
  const { client, admin, node, names } = slowReader();
  client.pipeline(...names.map((name) => ["GET", name]), ["PING"]);
  node.answerAll();
  node.pass();
  const before = client.take().length;
  expect(before).toBeLessThan(names.length);
  expect(admin.ask("ACL", "SETUSER", "alice", "resetkeys", "~j")).toBe("OK");
  const readAgain = node.executed.length;
  for (let turn = 0; turn < names.length; turn += 1) {
    client.catchUp();
    node.answerAll();
    node.pass();
  }
  const [last, ...refused] = client.take().reverse().slice(1);
  expect((last as string).slice(0, 3)).toBe("jjj");
  expect(refused).toEqual(names.slice(before, -1).map(() => "-NOPERM No permissions to access a key"));
  expect(node.executed.slice(readAgain)).toEqual(["get"]);
});

test("of a user that is removed, nothing is read again", () => {
  const { client, admin, node, names } = slowReader();
  client.pipeline(...names.map((name) => ["GET", name]));
  node.answerAll();
  node.pass();
  const before = client.take().length;
  const executed = node.executed.length;
  expect(admin.ask("ACL", "DELUSER", "alice")).toBe(1);
  for (let turn = 0; turn < names.length; turn += 1) {
    client.catchUp();
    node.pass();
  }
  expect(client.take()).toEqual(names.slice(before).map(() => NOT_IN));
  expect([client.closed, node.executed.length]).toEqual([true, executed]);
});

test("what one ACL SETUSER may say is judged before its passwords are hashed and its patterns compared", () => {
  let hashed = 0;
  const node = new FakeNode();
  const secrets = {
    ...testSecrets,
    sha256Hex(bytes: Uint8Array) {
      hashed += 1;
      return testSecrets.sha256Hex(bytes);
    },
  };
  const admin = new FakeClient(new Connections(node, { ...testFacts, secrets }));
  const many = (make: (n: number) => string, count: number): string[] =>
    Array.from({ length: count }, (_, n) => make(n));
  const tooMany = `-ERR one ACL SETUSER may say rules of ${USER_RULES_BYTES_MAX} bytes, as many as a user may have`;
  expect(admin.ask("ACL", "SETUSER", "alice", ...many((n) => `>${n}`, 16_000))).toBe(tooMany);
  expect(admin.ask("ACL", "SETUSER", "alice", ...many((n) => `~${n}`, 16_000))).toBe(tooMany);
  expect([hashed, node.map.users]).toEqual([0, undefined]);
  expect(admin.ask("ACL", "SETUSER", "alice", ...many((n) => `>${n}`, 200))).toBe("OK");
  expect(hashed).toBe(200);
});
