import { setTimeout as sleep } from "node:timers/promises";
import { encodeCommand } from "@sherd/client";
import { type Attack, type Ground, times } from "../attack.ts";
import { crowd, RawSocket } from "../raw-socket.ts";

const CONNECTIONS = 10_000;
const DIALS_AT_ONCE = 200;
const HELD_MS = 10_000;

/** Opens so many connections; those that were accepted. The bystanders have theirs already. */
async function open({ target }: Ground, count: number): Promise<RawSocket[]> {
  const sockets: RawSocket[] = [];
  await crowd(count, DIALS_AT_ONCE, async () => {
    const socket = new RawSocket(target.host, target.respPort);
    if (await socket.opened) sockets.push(socket);
  });
  return sockets;
}

const idle: Attack = {
  name: "idle connections",
  what: "10,000 connections that send nothing for ten seconds, then PING on each",
  async run(ground, tally) {
    const sockets = await open(ground, times(ground, CONNECTIONS));
    await sleep(10_000 * ground.scale);
    await crowd(sockets.length, DIALS_AT_ONCE, async (n) => {
      const socket = sockets[n] as RawSocket;
      const closed = await socket.finish("PING\r\n");
      if (socket.line === "" && !closed) return tally.fail("NO ANSWER");
      tally.count(socket.line === "+PONG" ? "served" : socket.line || "closed without a word");
    });
  },
};

const halfClosed: Attack = {
  name: "half-closed sockets",
  what: "a pipeline, or a part of a command, and our side closed at once",
  run: (ground, tally) =>
    crowd(times(ground, 3_000), 64, async (n) => {
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      const whole = n % 2 === 0;
      const sent = whole ? "PING\r\n".repeat(50) : "*3\r\n$3\r\nSET\r\n$3\r\nabc\r\n$100\r\nunfinished";
      if (!(await socket.finish(sent))) return tally.fail("STILL OPEN");
      const expected = whole ? 50 * "+PONG\r\n".length : 0;
      if (socket.receivedBytes !== expected) return tally.fail(whole ? "ANSWERED IN PART" : "unfinished: ANSWERED");
      tally.count(whole ? "answered in full, closed" : "unfinished: closed");
    }),
};

const vanishing: Attack = {
  name: "vanishing clients",
  what: "connections that are reset while commands are open",
  run: (ground, tally) =>
    crowd(times(ground, 5_000), 64, async (n) => {
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      await socket.write(encodeCommand(["INCR", `hostile:vanish:${n % 100}`]));
      socket.destroy();
      tally.count("reset");
    }),
};

const slowLoris: Attack = {
  name: "slow loris",
  what: "2,000 connections that send one byte of a large SET every half second, for ten seconds",
  async run(ground, tally) {
    const sockets = await open(ground, times(ground, 2_000));
    const command = Buffer.from("*3\r\n$3\r\nSET\r\n$9\r\nhostile:x\r\n$8000000\r\nslowly");
    const rounds = Math.max(2, Math.round(20 * ground.scale));
    for (let round = 0; round < rounds; round += 1) {
      const byte = command.subarray(round % command.length, (round % command.length) + 1);
      await Promise.all(sockets.map((socket) => socket.write(byte)));
      await sleep(500);
    }
    for (const socket of sockets) {
      tally.count(socket.open ? "held, costs what it sent" : "closed");
      socket.destroy();
    }
  },
};

const unfinished: Attack = {
  name: "unfinished commands",
  what: "200 connections that each send 8 MB of a command and stop: more than the node holds for all",
  async run(ground, tally) {
    const sockets = await open(ground, times(ground, 200));
    const value = Buffer.concat([
      Buffer.from("*3\r\n$3\r\nSET\r\n$9\r\nhostile:y\r\n$8300000\r\n"),
      Buffer.alloc(8_000_000, 0x61),
    ]);
    await Promise.all(sockets.map((socket) => Promise.race([socket.write(value), sleep(HELD_MS)])));
    for (const socket of sockets) {
      tally.count(socket.line || (socket.open ? "held" : "closed"));
      socket.destroy();
    }
  },
};

export const connections: readonly Attack[] = [idle, halfClosed, vanishing, slowLoris, unfinished];
