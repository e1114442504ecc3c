import { expect, test } from "vitest";
import {
  DurationHistogram,
  MONITOR_OUTPUT_BYTES_MAX,
  SLOWLOG_ARG_BYTES_MAX,
  SLOWLOG_ARGS_MAX,
  UNREAD_REPLIES_BYTES_MAX,
  UNREAD_REPLIES_CHECK_MS,
  WAIT_MS_MAX,
} from "../../base/index.ts";
import { allCommands } from "../../command/index.ts";
import type { FakeClient, Shown } from "../testing/fake-client.ts";
import { infoOf, WALL_MS, world } from "../testing/world.ts";

test("SLOWLOG keeps what took long from arrival to reply, newest first", () => {
  const { node, client, pass } = world({ manual: true });
  client.ask("CLIENT", "SETNAME", "me");
  const run = (afterMs: number, ...args: string[]): void => {
    client.send(...args);
    node.answerAll();
    pass(afterMs);
    client.take();
  };
  run(9, "SET", "quick", "1");
  run(12, "SET", "slow", "1");
  run(30, "GET", "slow");
  const [get, set, ...others] = client.ask("SLOWLOG", "GET") as Shown[][];
  const seconds = Math.floor((WALL_MS + 5_051) / 1000);
  expect(get).toEqual([1, seconds, 30_000, ["get", "slow"], "127.0.0.1:5000", "me"]);
  expect(set?.slice(0, 4)).toEqual([0, seconds, 12_000, ["set", "slow", "1"]]);
  expect(others).toEqual([]);
  expect(client.ask("SLOWLOG", "GET", "1")).toHaveLength(1);
  expect(client.ask("SLOWLOG", "GET", "0")).toEqual([]);
  expect(client.ask("SLOWLOG", "GET", "-1")).toHaveLength(2);
  expect(client.ask("SLOWLOG", "GET", "-2")).toBe("-ERR count should be greater than or equal to -1");
  expect(client.ask("SLOWLOG", "LEN")).toBe(2);
  expect(client.ask("SLOWLOG", "RESET")).toBe("OK");
  run(30, "GET", "slow");
  // Numbers go on: whoever collects them notices what it missed.
  expect((client.ask("SLOWLOG", "GET") as Shown[][])[0]?.[0]).toBe(2);
});

test("SLOWLOG cuts arguments, keeps as many as it is told, and hides passwords", () => {
  const { node, client, pass } = world({ manual: true });
  client.ask("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3");
  client.send("MSET", ...Array.from({ length: SLOWLOG_ARGS_MAX * 2 }, (_, n) => `{t}${n}`));
  client.send("SET", "{t}", "x".repeat(SLOWLOG_ARG_BYTES_MAX + 7));
  node.answerAll();
  pass(1);
  client.take();
  client.ask("AUTH", "default", "secret");
  const shown = (client.ask("SLOWLOG", "GET", "10") as Shown[][]).map((entry) => entry[3] as Shown[]);
  expect(shown).toHaveLength(3);
  const many = shown.find(([name]) => name === "mset") as Shown[];
  expect(many).toHaveLength(SLOWLOG_ARGS_MAX);
  expect(many.at(-1)).toBe(`... (${SLOWLOG_ARGS_MAX * 2 + 1 - (SLOWLOG_ARGS_MAX - 1)} more arguments)`);
  const long = shown.find(([name]) => name === "set") as Shown[];
  expect(long[2]).toBe(`${"x".repeat(SLOWLOG_ARG_BYTES_MAX)}... (7 more bytes)`);
  expect(JSON.stringify(shown)).not.toContain("secret");
  client.ask("CONFIG", "SET", "slowlog-max-len", "1");
  expect(client.ask("SLOWLOG", "LEN")).toBe(1);
});

test("LATENCY remembers what took longer than its threshold, and nothing when there is none", () => {
  const { node, client, pass } = world({ manual: true });
  const slow = (ms: number, ...args: string[]): void => {
    client.send(...args);
    node.answerAll();
    pass(ms);
    client.take();
  };
  slow(500, "SET", "k", "v");
  expect(client.ask("LATENCY", "LATEST")).toEqual([]);
  expect(client.ask("LATENCY", "DOCTOR")).toMatch(/monitoring is off/);
  client.ask("CONFIG", "SET", "latency-monitor-threshold", "100");
  expect(client.ask("LATENCY", "DOCTOR")).toMatch(/Nothing has taken 100 ms/);
  slow(99, "SET", "k", "v");
  slow(1_150, "SET", "k", "v");
  slow(1_300, "SET", "k", "v");
  slow(200, "GET", "k");
  const at = (ms: number): number => Math.floor((WALL_MS + 5_000 + ms) / 1000);
  expect(client.ask("LATENCY", "LATEST")).toEqual([
    ["command", at(3_049), 1_300, 1_300],
    ["fast-command", at(3_249), 200, 200],
  ]);
  expect(client.ask("LATENCY", "HISTORY", "command")).toEqual([
    [at(1_749), 1_150],
    [at(3_049), 1_300],
  ]);
  expect(client.ask("LATENCY", "HISTORY", "nosuch")).toEqual([]);
  const graph = (client.ask("LATENCY", "GRAPH", "command") as string).split("\n");
  expect(graph[0]).toBe("command - high 1300 ms, low 1150 ms (all time high 1300 ms)");
  expect(graph.slice(2, 6)).toEqual([" #", " #", " #", "_#"]);
  expect(client.ask("LATENCY", "GRAPH", "nosuch")).toBe("-ERR No samples available for event 'nosuch'");
  expect(client.ask("LATENCY", "DOCTOR")).toMatch(/^command: 2 times \(average 1225 ms, every 2\.00 s\)/);
  expect(client.ask("LATENCY", "RESET", "command", "nosuch")).toBe(1);
  expect(client.ask("LATENCY", "RESET")).toBe(1);
});

test("LATENCY hears of what holds all requests up", () => {
  const { node, client, after } = world();
  const passes = new DurationHistogram();
  node.slow = [["pass", passes]];
  passes.recordMs(700);
  after(50);
  client.ask("CONFIG", "SET", "latency-monitor-threshold", "100");
  passes.recordMs(99);
  after(50);
  // What was before it was turned on is not told.
  expect(client.ask("LATENCY", "LATEST")).toEqual([]);
  passes.recordMs(250);
  after(50);
  expect(client.ask("LATENCY", "LATEST")).toEqual([["pass", Math.floor((WALL_MS + 5_150) / 1000), 250, 250]]);
});

test("LATENCY HISTOGRAM counts by powers of two", () => {
  const { node, client, pass } = world({ manual: true });
  for (const ms of [1, 1, 3]) {
    client.send("SET", "k", "v");
    node.answerAll();
    pass(ms);
  }
  client.take();
  expect(client.ask("LATENCY", "HISTOGRAM", "SET", "nosuch")).toEqual([
    "set",
    ["calls", 3, "histogram_usec", [1024, 2, 4096, 3]],
  ]);
});

test("MONITOR shows what others send, without passwords and without what administers", () => {
  const { client, another, node } = world();
  const monitor = another();
  expect(monitor.ask("MONITOR")).toBe("OK");
  client.pipeline(
    ["SET", "k", 'a "quoted" \\ line\r\n\x01'],
    ["AUTH", "default", "secret"],
    ["HELLO", "2", "AUTH", "default", "secret"],
    ["CONFIG", "SET", "timeout", "0"],
    ["CLIENT", "ID"],
    ["OBJECT", "ENCODING", "k"],
    ["NOSUCH"],
    ["SET", "k", "x".repeat(5_000)],
  );
  node.pass();
  const seen = (monitor.take() as string[]).map((line) => line.replace(/^\d+\.\d{6} /, ""));
  expect(seen.slice(0, 5)).toEqual([
    '[0 127.0.0.1:5000] "set" "k" "a \\"quoted\\" \\\\ line\\r\\n\\x01"',
    '[0 127.0.0.1:5000] "auth" "(redacted)" "(redacted)"',
    '[0 127.0.0.1:5000] "hello" "2" "AUTH" "(redacted)" "(redacted)"',
    '[0 127.0.0.1:5000] "client" "id"',
    '[0 127.0.0.1:5000] "object" "ENCODING" "k"',
  ]);
  expect(seen[5]).toMatch(/"x+\.\.\. \(904 more bytes\)"$/);
  expect(seen).toHaveLength(6);
  client.take();
  // RESET ends it; it is the last that is shown.
  monitor.send("RESET");
  node.pass();
  expect(monitor.take()).toEqual([expect.stringMatching(/"reset"$/), "RESET"]);
  client.ask("PING");
  node.pass();
  expect(monitor.take()).toEqual([]);
});

test("a MONITOR that does not read is closed; the others go on", () => {
  const { client, another, connections, node } = world();
  const monitor = another();
  monitor.ask("MONITOR");
  monitor.slow = true;
  const value = "x".repeat(4_000);
  for (let sent = 0; sent < MONITOR_OUTPUT_BYTES_MAX * 1.1; sent += value.length) {
    client.send("ECHO", value);
    if (monitor.destroyed) break;
    node.pass();
  }
  expect(monitor.destroyed).toBe(true);
  expect([connections.size, connections.monitors.size]).toEqual([1, 0]);
  client.take();
  expect(client.ask("PING")).toBe("PONG");
});

test("WAIT counts the replicas that have the connection's writes on disk, and waits for more", () => {
  const { node, client, after } = world({ shards: 1 });
  node.holding = () => ({ applied: 10, own: 10, matched: [10, 9] });
  client.send("SET", "k", "v");
  node.pass();
  client.take();
  expect(client.ask("WAIT", "0", "100")).toBe(1);
  expect(client.ask("WAIT", "1", "100")).toBe(1);
  // The index that is waited for is that of the moment of WAIT: later writes do not move it.
  client.send("WAIT", "2", "1000");
  node.holding = () => ({ applied: 90, own: 90, matched: [80, 9] });
  after(900);
  expect(client.take()).toEqual([]);
  node.holding = () => ({ applied: 90, own: 90, matched: [80, 10] });
  after(50);
  expect(client.take()).toEqual([2]);
  client.send("WAIT", "3", "200");
  after(150);
  expect(client.take()).toEqual([]);
  after(50);
  expect(client.take()).toEqual([0]);
});

test("WAIT without a time-out ends as well; without a leader it answers what it knows", () => {
  const { node, client, after, connections } = world();
  client.send("SET", "k", "v");
  node.pass();
  client.take();
  node.holding = () => undefined;
  client.send("WAIT", "1", "0");
  after(WAIT_MS_MAX - 50);
  expect([client.take(), connections.waits.waiting]).toEqual([[], 1]);
  after(50);
  expect([client.take(), connections.waits.waiting]).toEqual([[0], 0]);
  client.send("WAIT", "1", "0");
  client.connection.onClose();
  expect(connections.waits.waiting).toBe(0);
});

test("WAIT takes the least of all shards that were written to", () => {
  const { node, client } = world({ shards: 2 });
  node.holding = (group) =>
    group === 1 ? { applied: 5, own: 5, matched: [5, 5] } : { applied: 7, own: 7, matched: [7, 1] };
  client.send("SET", "bar", "v");
  node.pass();
  client.take();
  expect(client.ask("WAIT", "0", "10")).toBe(2);
  client.send("SET", "foo", "v");
  node.pass();
  client.take();
  expect(client.ask("WAIT", "0", "10")).toBe(1);
  expect(client.ask("WAITAOF", "1", "1", "10")).toEqual([1, 1]);
});

test("WAITAOF's first number says whether the leader's own disk has it, which a majority's may have before", () => {
  const { node, client, after } = world({ shards: 1 });
  node.holding = () => ({ applied: 10, own: 9, matched: [10, 10] });
  client.send("SET", "k", "v");
  node.pass();
  client.take();
  expect(client.ask("WAITAOF", "0", "2", "1000")).toEqual([0, 2]);
  expect(client.ask("WAIT", "2", "1000")).toBe(2);
  client.send("WAITAOF", "1", "0", "1000");
  after(50);
  expect(client.take()).toEqual([]);
  node.holding = () => ({ applied: 20, own: 10, matched: [10, 10] });
  after(50);
  expect(client.take()).toEqual([[1, 2]]);
  node.holding = () => ({ applied: 20, own: 19, matched: [10, 10] });
  client.send("WAITAOF", "1", "0", "100");
  after(100);
  expect(client.take()).toEqual([[0, 0]]);
});

test("arguments of WAIT and WAITAOF as Redis checks them", () => {
  const { client } = world();
  expect(client.ask("WAIT", "x", "10")).toBe("-ERR value is not an integer or out of range");
  expect(client.ask("WAIT", "1", "x")).toBe("-ERR timeout is not an integer or out of range");
  expect(client.ask("WAIT", "1", "-1")).toBe("-ERR timeout is negative");
  expect(client.ask("WAITAOF", "2", "1", "1")).toBe("-ERR value is out of range, must be between 0 and 1");
  // Nothing was written: it is everywhere. There are no replicas here.
  expect(client.ask("WAIT", "1", "10")).toBe(0);
});

test("idle clients are closed after `timeout`, those that wait or only listen are not", () => {
  const { node, client, another, after, connections } = world({ manual: true });
  const monitor = another();
  monitor.ask("MONITOR");
  const waits = another();
  waits.send("SET", "k", "v");
  client.ask("CONFIG", "SET", "timeout", "10");
  after(9_000);
  client.ask("PING");
  after(2_000);
  expect(connections.size).toBe(3);
  after(9_000);
  expect([client.destroyed, monitor.destroyed, waits.destroyed]).toEqual([true, false, false]);
  node.answerAll();
  after(1_000);
  expect(waits.destroyed).toBe(true);
  expect(infoOf(another().ask("INFO", "stats"))["closed_idle_connections"]).toBe("2");
});

test("when replies that nobody reads are too much together, those with the most are closed until they are not", () => {
  const { client, another, after, connections } = world();
  const unread = (bytes: number): FakeClient => {
    const one = another();
    one.pendingBytes = bytes;
    return one;
  };
  const part = UNREAD_REPLIES_BYTES_MAX / 4;
  const [small, most, many] = [unread(part / 2), unread(2 * part), unread(part)];
  after(UNREAD_REPLIES_CHECK_MS);
  expect(connections.upkeep.unreadBytes).toBe(3.5 * part);
  expect([small, most, many].some(({ destroyed }) => destroyed)).toBe(false);
  const more = unread(part);
  after(UNREAD_REPLIES_CHECK_MS);
  expect([small, most, many, more].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false]);
  expect(infoOf(client.ask("INFO", "stats"))).toMatchObject({
    evicted_clients: "1",
    unread_reply_bytes: String(2.5 * part),
  });
});

test("while connections run short, those with an unfinished command that hardly grows are closed", () => {
  const { client, another, after, connections } = world();
  const slow = another();
  const brisk = another();
  const idle = another();
  const send = (): void => {
    slow.sendRaw("x");
    brisk.sendRaw("y".repeat(20_000));
  };
  slow.sendRaw("*2\r\n$4\r\nECHO\r\n$1000000\r\n");
  brisk.sendRaw("*2\r\n$4\r\nECHO\r\n$1000000\r\n");
  for (let n = 0; n < 4; n += 1, send()) after(10_000);
  // There is plenty: slowness is nobody's business.
  expect(connections.size).toBe(4);
  client.ask("CONFIG", "SET", "maxclients", "4");
  after(10_000);
  send();
  after(10_000);
  expect([slow.destroyed, brisk.destroyed, idle.destroyed, client.destroyed]).toEqual([true, false, false, false]);
  expect(connections.upkeep.closedSlow).toBe(1);
  // There is room again.
  for (let n = 0; n < 4; n += 1) after(10_000);
  expect(brisk.destroyed).toBe(false);
});

test("DEBUG is refused unless the node was started with it", () => {
  const stalls: number[] = [];
  const stall = (ms: number): void => void stalls.push(ms);
  expect(world().client.ask("DEBUG", "SLEEP", "1")).toMatch(/^-ERR DEBUG command not allowed\./);
  expect(world({}, { debugCommand: "yes", stall }).client.ask("DEBUG", "SLEEP", "0.25")).toBe("OK");
  const { client, node } = world({}, { debugCommand: "local", stall });
  expect(client.ask("DEBUG", "SLEEP", "1")).toBe("OK");
  expect(stalls).toEqual([250, 1_000]);
  expect(client.ask("DEBUG", "SLEEP", "61")).toBe("-ERR DEBUG SLEEP takes at most 60 seconds");
  expect(client.ask("DEBUG", "SLEEP", "x")).toBe("-ERR value is not a valid float");
  expect(client.ask("DEBUG", "SET-ACTIVE-EXPIRE", "0")).toBe("OK");
  expect(node.activeExpiry).toBe(false);
  expect(client.ask("DEBUG", "JMAP")).toMatch(/^-ERR DEBUG knows SLEEP/);
});

test("scripts and functions are not there, and say so", () => {
  const { client } = world();
  expect(client.ask("SCRIPT", "EXISTS", "a", "b")).toEqual([0, 0]);
  expect(client.ask("SCRIPT", "FLUSH", "ASYNC")).toBe("OK");
  expect(client.ask("SCRIPT", "FLUSH", "foo")).toBe("-ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  expect(client.ask("SCRIPT", "LOAD", "return 1")).toMatch(/^-ERR sherd does not run scripts/);
  expect(client.ask("SCRIPT", "KILL")).toBe("-NOTBUSY No scripts in execution right now.");
  expect(client.ask("FUNCTION", "FLUSH")).toBe("OK");
  expect(client.ask("FUNCTION", "LIST", "WITHCODE")).toEqual([]);
  expect(client.ask("FUNCTION", "STATS")).toEqual(["running_script", null, "engines", []]);
  expect(client.ask("FUNCTION", "DELETE", "a")).toBe("-ERR Library not found");
  // Clients that can do without look for these words.
  expect(client.ask("EVAL", "return 1", "0")).toMatch(/^-ERR unknown command 'EVAL'.*Scripts do not run here/);
});

test("commands of operators that have no meaning name what has", () => {
  const { client } = world();
  expect(client.ask("REPLICAOF", "NO", "ONE")).toMatch(/^-ERR REPLICAOF not allowed in cluster mode\. Leaders are/);
  expect(client.ask("BGSAVE")).toMatch(/^-ERR BGSAVE writes no file here/);
  expect(client.ask("SHUTDOWN", "NOSAVE")).toMatch(/SIGTERM/);
  expect(client.ask("MOVE", "k", "1")).toMatch(/^-ERR MOVE is not allowed in cluster mode/);
  expect(client.ask("NOSUCH", "a")).toBe("-ERR unknown command 'NOSUCH', with args beginning with: 'a' ");
  expect(client.ask("LASTSAVE")).toBe(Math.floor((WALL_MS + 5_000) / 1000));
  const three = world({ nodes: [7379, 7380, 7381].map((clusterPort) => ({ clusterPort })) });
  expect(three.client.ask("ROLE")).toEqual([
    "master",
    10,
    [
      ["127.0.0.1", "7380", "10"],
      ["127.0.0.1", "7381", "9"],
    ],
  ]);
  expect(client.ask("LOLWUT")).toMatch(/^sherd 0\.1\.0/);
});

test("MEMORY and OBJECT: some of their subcommands run on shards", () => {
  const { node, client } = world();
  client.send("SET", "k", "12");
  for (const args of [
    ["OBJECT", "ENCODING", "k"],
    ["object", "refcount", "k"],
    ["MEMORY", "USAGE", "k"],
  ])
    client.send(...args);
  node.pass();
  expect(client.take()).toEqual(["OK", "int", 1, 103]);
  expect(client.ask("OBJECT", "nosuch", "k")).toBe("-ERR unknown subcommand 'nosuch'. Try OBJECT HELP.");
  expect(client.ask("OBJECT", "HELP")).toContain("ENCODING");
  expect(client.ask("OBJECT", "ENCODING")).toBe("-ERR wrong number of arguments for 'object|encoding' command");
  expect(client.ask("MEMORY", "PURGE")).toBe("OK");
  expect(client.ask("MEMORY", "DOCTOR")).toMatch(/Nothing about this node's memory is unusual/);
  expect(client.ask("MEMORY", "STATS")).toContain("keys.count");
  client.pipeline(["MULTI"], ["OBJECT", "ENCODING", "k"], ["EXEC"]);
  node.pass();
  expect(client.take()).toEqual(["OK", "QUEUED", ["int"]]);
  expect(client.ask("COMMAND", "GETKEYS", "OBJECT", "ENCODING", "k")).toEqual(["k"]);
  expect(client.ask("COMMAND", "GETKEYS", "MEMORY", "USAGE", "k")).toEqual(["k"]);
});

test("INFO: sections by name, `all`, `default`, several; statistics of commands", () => {
  const { node, client, pass } = world({ manual: true });
  client.ask("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99.9");
  client.send("SET", "k", "v", "EX", "100");
  client.send("GET", "k", "more");
  node.answerAll();
  pass(3);
  client.take();
  const sections = (text: Shown): string[] => (text as string).match(/^# .*$/gm)?.map((line) => line.slice(2)) ?? [];
  expect(sections(client.ask("INFO", "commandstats", "keyspace"))).toEqual(["Commandstats", "Keyspace"]);
  expect(sections(client.ask("INFO"))).not.toContain("Commandstats");
  expect(sections(client.ask("INFO", "default"))).toEqual(sections(client.ask("INFO")));
  expect(sections(client.ask("INFO", "all"))).toEqual(sections(client.ask("INFO", "everything")));
  const all = infoOf(client.ask("INFO", "all"));
  expect(all).toMatchObject({
    cmdstat_set: "calls=1,usec=3000,usec_per_call=3000.00,rejected_calls=0,failed_calls=0",
    cmdstat_get: "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
    latency_percentiles_usec_set: "p50=3000.000,p99.9=3000.000",
    errorstat_ERR: "count=1",
    db0: "keys=1,expires=1,avg_ttl=0",
    connected_clients: "1",
    maxclients: "10000",
    limit_value_bytes: String(8 * 1024 * 1024),
    rdb_bgsave_in_progress: "0",
  });
  expect(Number(all["total_commands_processed"])).toBeGreaterThan(5);
  expect(Number(all["total_net_input_bytes"])).toBeGreaterThan(100);
  expect(client.ask("COMMAND", "COUNT")).toBe(allCommands.length);
});

test("CONFIG RESETSTAT begins the counts of INFO again; what Prometheus reads goes on growing", () => {
  const { node, client, connections, pass } = world({ manual: true });
  Object.assign(node.keyspace, { hits: 7, misses: 2, expired: 3 });
  client.send("SET", "k", "v");
  client.send("GET");
  node.answerAll();
  pass(1);
  client.take();
  const before = infoOf(client.ask("INFO", "all"));
  expect(before).toMatchObject({
    keyspace_hits: "7",
    keyspace_misses: "2",
    expired_keys: "3",
    errorstat_ERR: "count=1",
  });
  const { commands, accepted } = connections;
  expect(client.ask("CONFIG", "RESETSTAT")).toBe("OK");
  node.keyspace.hits += 1;
  const after = infoOf(client.ask("INFO", "all"));
  expect(after).toMatchObject({
    keyspace_hits: "1",
    keyspace_misses: "0",
    expired_keys: "0",
    total_connections_received: "0",
    total_error_replies: "0",
  });
  expect(Number(after["total_commands_processed"])).toBeLessThan(Number(before["total_commands_processed"]));
  expect(after).not.toHaveProperty("cmdstat_set");
  expect(after).not.toHaveProperty("errorstat_ERR");
  expect(connections.commands).toBeGreaterThan(commands);
  expect(connections.accepted).toBe(accepted);
  expect(connections.statistics.get("set")?.calls).toBe(1);
  expect(connections.statistics.errors.get("ERR")).toBe(1);
});

test("INFO: the most memory that was in use, as of looks once a second and now", () => {
  const { client } = world();
  const { used_memory, used_memory_peak, used_memory_peak_perc } = infoOf(client.ask("INFO", "memory"));
  expect([used_memory_peak, used_memory_peak_perc]).toEqual([used_memory, "100.00%"]);
});

test("INFO measures rates over the last second", () => {
  const { client, after } = world();
  for (let n = 0; n < 50; n += 1) client.ask("PING");
  after(1_000);
  expect(infoOf(client.ask("INFO", "stats"))["instantaneous_ops_per_sec"]).toBe("50");
});
