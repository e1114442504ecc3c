import { setTimeout as sleep } from "node:timers/promises";
import { encodeCommand } from "@sherd/client";
import { type Attack, times } from "../attack.ts";
import { crowd, RawSocket } from "../raw-socket.ts";
import { put } from "./put.ts";

const MIB = 1024 * 1024;
const VALUE_BYTES_MAX = 8 * MIB;
/** As many as a node takes from a connection before it has answered. */
const PIPELINE = 4_096;

type Command = readonly (string | Uint8Array)[];

const encoded = (commands: readonly Command[]): Buffer =>
  Buffer.concat(commands.map((command) => encodeCommand([...command])));
const repeated = (times: number, ...commands: readonly Command[]): Command[] =>
  Array.from({ length: times }, () => commands).flat();
const key = (name: string): string => `{hostile}${name}`;
/** Encoded once: encoding millions of commands would keep the bystanders, who are in this process, waiting for it. */
function pipeline(times: number, commands: readonly Command[]): Buffer {
  const one = encoded(commands);
  return Buffer.alloc(one.length * times, one);
}

const costly: Attack = {
  name: "costly commands",
  what: "commands that ask for the most work with the fewest bytes: LCS, BITOP, SETRANGE, MGET of many keys, EXEC of 10,000",
  run: (ground, tally) =>
    crowd(times(ground, 60), 4, async (n) => {
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      const key = (name: string): string => `{hostile}${name}`;
      const text = Buffer.alloc(100_000, n);
      const commands: (string | Uint8Array)[][] = [
        ["SET", key("a"), text],
        ["SET", key("b"), text],
        ["LCS", key("a"), key("b"), "IDX", "WITHMATCHLEN"],
        ["SETRANGE", key("c"), String(8 * MIB - 8), "x"],
        ["BITOP", "XOR", key("d"), key("c"), key("c"), key("c")],
        ["BITCOUNT", key("d")],
        ["MGET", ...Array.from({ length: 10_000 }, () => key("a"))],
        ["MULTI"],
        ...Array.from({ length: 10_000 }, () => ["INCR", key("n")]),
        ["EXEC"],
        ["KEYS", "*".repeat(200)],
        ["QUIT"],
      ];
      await socket.write(Buffer.concat(commands.map((command) => encodeCommand(command))));
      if (await socket.closes()) tally.count("answered to the end");
      else tally.fail("NOT ANSWERED");
    }),
};

/** What costs most: the largest table of LCS, walks over values of the largest size, and as many of them as an EXEC may have. */
const COSTLY_READS: readonly (readonly Command[])[] = [
  [["LCS", key("short"), key("short"), "LEN"]],
  [["BITCOUNT", key("large")]],
  [["BITPOS", key("large"), "1"]],
  [["MULTI"], ...repeated(17, ["BITCOUNT", key("large")]), ["EXEC"]],
];

const costlyReads: Attack = {
  name: "pipelines of costly reads",
  what:
    "100 connections with 4,096 reads each (LCS, BITCOUNT and BITPOS of 8 MiB, EXEC of 17 BITCOUNT), far more than can be " +
    "answered, for twenty seconds; a client that wants one BITCOUNT meanwhile",
  async run(ground, tally) {
    const { host, respPort } = ground.target;
    await put(ground, key("short"), Buffer.alloc(1_440, 1), tally);
    await put(ground, key("large"), Buffer.alloc(VALUE_BYTES_MAX), tally);
    const sockets = Array.from({ length: times(ground, 100) }, () => new RawSocket(host, respPort));
    await crowd(sockets.length, sockets.length, async (n) => {
      const socket = sockets[n] as RawSocket;
      if (!(await socket.opened)) return tally.count("refused");
      await Promise.race([
        socket.write(pipeline(times(ground, PIPELINE), COSTLY_READS[n % 4] as Command[])),
        sleep(2_000),
      ]);
    });
    const bystander = await RawSocket.dial(host, respPort);
    if (await bystander.finish(encoded([["BITCOUNT", key("large")]]))) tally.count("a single BITCOUNT answered");
    else tally.fail("a single BITCOUNT NOT ANSWERED");
    await sleep(20_000 * ground.scale);
    for (const socket of sockets) {
      tally.count(socket.open ? "answered in turns, until it left" : "closed");
      socket.destroy();
    }
  },
};

const ownAnswers: Attack = {
  name: "pipelines of the node's own answers",
  what: "60 connections with 4,096 INFO, COMMAND or CLIENT LIST each, all replies read, for ten seconds",
  async run(ground, tally) {
    const { host, respPort } = ground.target;
    const asked = [["INFO", "everything"], ["COMMAND"], ["CLIENT", "LIST"]];
    const sockets = Array.from({ length: times(ground, 60) }, () => new RawSocket(host, respPort));
    await crowd(sockets.length, sockets.length, async (n) => {
      const socket = sockets[n] as RawSocket;
      if (!(await socket.opened)) return tally.count("refused");
      await Promise.race([socket.write(pipeline(times(ground, PIPELINE), [asked[n % 3] as Command])), sleep(2_000)]);
    });
    await sleep(10_000 * ground.scale);
    for (const socket of sockets) {
      tally.count(socket.open ? "answered in turns, until it left" : "closed");
      socket.destroy();
    }
  },
};

/** EXECs of about the most work that an EXEC may be. */
const COSTLY_WRITES: readonly (readonly Command[])[] = [
  [
    ["MULTI"],
    ["SETRANGE", key("w"), String(VALUE_BYTES_MAX - 1), "x"],
    ...repeated(7, ["SETRANGE", key("w"), "0", "x"]),
    ["EXEC"],
  ],
  [["MULTI"], ...repeated(4, ["LCS", key("short"), key("short"), "LEN"]), ["SET", key("v"), "x"], ["EXEC"]],
  [["MULTI"], ...repeated(7_500, ["BITFIELD", key("f"), "SET", "u8", "0", "1", "INCRBY", "u8", "8", "1"]), ["EXEC"]],
];

const costlyWrites: Attack = {
  name: "pipelines of costly writes",
  what: "pipelines of eight EXECs that write, each of the most work that one may be (SETRANGE on 8 MiB, LCS, BITFIELD)",
  async run(ground, tally) {
    await put(ground, key("short"), Buffer.alloc(1_440, 1), tally);
    await crowd(times(ground, 30), 3, async (n) => {
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      const writes = pipeline(times(ground, 8), COSTLY_WRITES[n % 3] as Command[]);
      if (await socket.finish(Buffer.concat([writes, encoded([["QUIT"]])]))) tally.count("answered to the end");
      else tally.fail("NOT ANSWERED");
    });
  },
};

const growing: Attack = {
  name: "values that grow in flight",
  what: "SETRANGE makes eight values of nearly 8 MiB out of a few bytes, and four APPENDs to each follow in the same pipeline",
  run: (ground, tally) =>
    crowd(times(ground, 8), 2, async (n) => {
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      const names = Array.from({ length: times(ground, 8) }, (_, at) => key(`g${n % 2}:${at}`));
      const commands: Command[] = names.map((name) => ["SETRANGE", name, String(VALUE_BYTES_MAX - 1_000), "x"]);
      commands.push(...repeated(4, ...names.map((name) => ["APPEND", name, "x"])));
      commands.push(...names.map((name) => ["DEL", name]), ["QUIT"]);
      if (await socket.finish(encoded(commands))) tally.count("answered to the end");
      else tally.fail("NOT ANSWERED");
    }),
};

export const costlyAttacks: readonly Attack[] = [costly, costlyReads, ownAnswers, costlyWrites, growing];
