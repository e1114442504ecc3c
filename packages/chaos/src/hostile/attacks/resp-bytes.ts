import { encodeCommand } from "@sherd/client";
import { type Attack, type Ground, type Tally, times } from "../attack.ts";
import type { Dice } from "../dice.ts";
import { crowd, RawSocket } from "../raw-socket.ts";

const AT_ONCE = 32;

/** Sends the bytes, closes our side, and counts how the node took it. */
async function send(port: number, { target }: Ground, bytes: Uint8Array, tally: Tally): Promise<void> {
  const socket = new RawSocket(target.host, port);
  if (!(await socket.opened)) return tally.count("refused");
  if (!(await socket.finish(bytes))) return tally.fail("STILL OPEN");
  const text = socket.head.toString("latin1");
  if (text === "") tally.count("closed without a word");
  else if (text.includes("Protocol error")) tally.count("protocol error, closed");
  else tally.count(text.includes("-") ? "answered, with errors" : "answered");
}

/** A pipeline as clients send it, on keys of its own. */
function pipeline(dice: Dice): Buffer {
  const key = (): string => `hostile:${dice.below(50)}`;
  const commands: (() => (string | Uint8Array)[])[] = [
    () => ["SET", key(), dice.bytes(dice.below(200))],
    () => ["GET", key()],
    () => ["MSET", "{h}1", "a", "{h}2", "b"],
    () => ["INCRBY", key(), String(dice.next())],
    () => ["SETRANGE", key(), String(dice.next()), "x"],
    () => ["BITFIELD", key(), "SET", "u8", `#${dice.next()}`, "255"],
    () => ["EXPIRE", key(), String(dice.next())],
    () => ["MULTI"],
    () => ["EXEC"],
    () => ["WATCH", key()],
    () => ["LCS", key(), key(), "IDX"],
    () => ["HELLO", "3"],
    () => ["COMMAND", "DOCS", "GET"],
    () => ["CLIENT", "INFO"],
    () => ["CLUSTER", "SLOTS"],
    () => ["INFO"],
  ];
  return Buffer.concat(Array.from({ length: 1 + dice.below(20) }, () => encodeCommand(dice.pick(commands)())));
}

const noise: Attack = {
  name: "RESP: noise",
  what: "random bytes of random length, to both ports",
  run: (ground, tally) =>
    crowd(times(ground, 5_000), AT_ONCE, async (n) => {
      const port = n % 2 === 0 ? ground.target.respPort : ground.target.clusterPort;
      await send(port, ground, ground.dice.bytes(1 + ground.dice.below(4_096)), tally);
    }),
};

const mutants: Attack = {
  name: "RESP: mutated pipelines",
  what: "pipelines of up to 20 commands with bytes changed, left out, doubled or put in, to both ports",
  run: (ground, tally) =>
    crowd(times(ground, 20_000), AT_ONCE, async (n) => {
      const port = n % 2 === 0 ? ground.target.respPort : ground.target.clusterPort;
      await send(port, ground, ground.dice.mutate(pipeline(ground.dice)), tally);
    }),
};

const MIB = 1024 * 1024;
const huge = (bytes: number): Buffer => Buffer.alloc(bytes, 0x61);
const oversized: readonly (() => Buffer)[] = [
  () => Buffer.from("*2147483647\r\n"),
  () => Buffer.from("*1\r\n$9223372036854775807\r\n"),
  () => Buffer.from("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc"),
  () => Buffer.from(`*${"9".repeat(100_000)}\r\n`),
  () => huge(2 * MIB),
  () => Buffer.concat([huge(MIB), Buffer.from("\r\nPING\r\n")]),
  () => Buffer.from(encodeCommand(["SET", "k".repeat(100_000), "v"])),
  () => Buffer.from(encodeCommand(["SET", "hostile:large", huge(8 * MIB + 1)])),
  () => Buffer.from(encodeCommand(["SET", "hostile:large", huge(64 * MIB)])),
  () => Buffer.from(encodeCommand(["MGET", ...Array.from({ length: 20_000 }, (_, n) => `{h}${n}`)])),
  () => Buffer.from(encodeCommand(["SETRANGE", "hostile:large", "536870911", "x"])),
  () => Buffer.from(encodeCommand(["SETBIT", "hostile:large", "4294967295", "1"])),
  () => Buffer.from(`*3\r\n${"$-1\r\n".repeat(3)}`),
  () => Buffer.from(`${"*1\r\n".repeat(100_000)}`),
  () => Buffer.from("\r\n".repeat(1_000_000)),
];

const oversize: Attack = {
  name: "RESP: oversized",
  what: "lengths, keys, values, argument counts and lines beyond every limit",
  run: (ground, tally) =>
    crowd(times(ground, 600), 4, async (n) => {
      await send(ground.target.respPort, ground, (oversized[n % oversized.length] as () => Buffer)(), tally);
    }),
};

export const respBytes: readonly Attack[] = [noise, mutants, oversize];
