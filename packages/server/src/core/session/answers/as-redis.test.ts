import { RespError, type RespValue } from "@sherd/client/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1Bytes, utf8 } from "../../base/index.ts";
import { RedisOracle, redisVersion } from "../../command/testing/redis.ts";
import type { Shown } from "../testing/fake-client.ts";
import { world } from "../testing/world.ts";

/** Answered alike to the letter, errors included. */
const SAME = [
  "client foo",
  "client getname",
  "client getname x",
  "client getredir",
  "client info x",
  "client kill",
  "client kill 1.1.1.1:1",
  "client kill addr 1.1.1.1:1",
  "client kill foo bar",
  "client kill id 0",
  "client kill id 99999",
  "client kill id x",
  "client kill laddr 1.1.1.1:1 type normal",
  "client kill skipme maybe",
  "client kill type foo",
  "client kill type normal skipme yes",
  "client kill user eve",
  "client list foo",
  "client list id",
  "client list id x",
  "client list type foo",
  "client list type pubsub",
  "client no-evict foo",
  "client no-evict on",
  "client pause -1",
  "client pause 10 all x",
  "client pause 10 foo",
  "client pause x",
  "client reply foo",
  "client reply on",
  "client tracking foo",
  "client tracking off",
  "client trackinginfo",
  "client unblock 99",
  "client unblock 99 foo",
  "client unblock x",
  "client unpause",
  "command count x",
  "command getkeys nosuch a b",
  "command getkeys ping a",
  "command list filterby pattern config*",
  "command list filterby module nosuch",
  "command list filterby foo bar",
  "config foo",
  "config get nosuch",
  "config get slowlog-max-len timeout",
  "config resetstat",
  "config set activedefrag maybe",
  "config set hz x",
  "config set latency-monitor-threshold x",
  "config set nosuch 1",
  "config set notify-keyspace-events foo",
  "config set notify-keyspace-events KEA",
  "config get notify-keyspace-events",
  "config set notify-keyspace-events gxE",
  "config get notify-keyspace-events",
  "config set save 1",
  "config set slowlog-max-len -1 x",
  "config set tcp-keepalive -1",
  "config set timeout",
  "config set timeout -1",
  "config set timeout 1 maxmemory",
  "config set timeout 1 timeout 2",
  "config set timeout 7 slowlog-max-len 9",
  "config get timeout slowlog-max-len",
  "config set timeout 0 slowlog-max-len 128",
  "config set timeout x",
  "function delete a",
  "function flush",
  "function flush foo",
  "function foo",
  "function kill",
  "function list",
  "function list foo",
  "function list libraryname",
  "function list withcode",
  "latency graph nosuch",
  "latency history nosuch",
  "latency latest",
  "latency reset",
  "latency reset nosuch",
  "memory foo",
  "memory purge",
  "memory usage",
  "memory usage nosuch foo 1",
  "memory usage nosuch samples -1",
  "memory usage nosuch samples x",
  "module",
  "module foo",
  "module list",
  "module list x",
  "object encoding",
  "object foo",
  "object freq",
  "script exists a b",
  "script flush",
  "script flush foo",
  "script foo",
  "script kill",
  "slowlog foo",
  "slowlog get -2",
  "slowlog get 1 2",
  "slowlog get x",
  "slowlog len x",
  "wait 0 10",
  "wait 1 -1",
  "wait 1 x",
  "wait x 10",
];

function shown(value: RespValue): Shown {
  if (value instanceof Uint8Array) return utf8(value);
  if (value instanceof RespError) return `-${value.message}`;
  return Array.isArray(value) ? value.map(shown) : (value as Shown);
}

/** The order of names means nothing, nor does that of settings. */
const byText = (left: string, right: string): number => (left < right ? -1 : 1);
const sorted = (line: string, answer: Shown): Shown =>
  /^(command list|config get)/.test(line) && Array.isArray(answer) ? [...(answer as string[])].sort(byText) : answer;

const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: replies compared with Redis'; no redis-server 7 on this machine");

describe.skipIf(version === undefined)("as Redis", () => {
  let redis: RedisOracle;
  beforeAll(async () => {
    redis = await RedisOracle.start();
  });
  afterAll(() => redis.stop());

  const ask = async (line: string): Promise<Shown> => shown(await redis.value(line.split(" ").map(latin1Bytes)));

  test("replies to what operators and clients ask", async () => {
    const { client } = world();
    for (const line of SAME) {
      expect(sorted(line, client.ask(...line.split(" "))), line).toEqual(sorted(line, await ask(line)));
    }
  });

  test("shapes: SLOWLOG's entries, CLIENT LIST's fields in their order, INFO's names of what both have", async () => {
    const { client } = world();
    const fields = (line: Shown): string[] =>
      (line as string)
        .trim()
        .split(" ")
        .map((field) => field.split("=")[0] as string);
    const theirs = fields(await ask("client info"));
    const ours = fields(client.ask("CLIENT", "INFO"));
    // `argv-mem` and the like say nothing here; the library's name and version are of Redis 7.2.
    const both = theirs.filter((field) => ours.includes(field));
    expect(ours.filter((field) => both.includes(field))).toEqual(both);
    expect(both).toHaveLength(ours.length - ["watch", "lib-name", "lib-ver"].length);

    for (const line of ["config set slowlog-log-slower-than 0", "echo x", "slowlog get 1"]) await ask(line);
    const entry = ((await ask("slowlog get 1")) as Shown[][])[0] as Shown[];
    for (const words of [["CONFIG", "SET", "slowlog-log-slower-than", "0"], ["COMMAND"]]) client.ask(...words);
    const own = (client.ask("SLOWLOG", "GET", "1") as Shown[][])[0] as Shown[];
    expect(own.map((part) => typeof part)).toEqual(entry.map((part) => typeof part));

    const names = (text: Shown): string[] =>
      [...(text as string).matchAll(/^(\w+):/gm)].map((match) => match[1] as string);
    const known = new Set(names(await ask("info everything")));
    const redisSections = ["memory", "persistence", "replication", "cpu"];
    for (const name of names(client.ask("INFO", ...redisSections))) {
      if (!OWN_FIELDS.has(name)) expect([...known], name).toContain(name);
    }
  });
});

const OWN_FIELDS: ReadonlySet<string> = new Set(["shards_led"]);
