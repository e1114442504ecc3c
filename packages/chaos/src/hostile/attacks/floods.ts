import { setTimeout as sleep } from "node:timers/promises";
import { encodeCommand } from "@sherd/client";
import { type Attack, times } from "../attack.ts";
import { crowd, RawSocket } from "../raw-socket.ts";
import { put } from "./put.ts";

const MIB = 1024 * 1024;
const MILLION_MS = 600_000;

const million: Attack = {
  name: "pipelines of a million",
  what: "a million commands (SET, GET, PING in turn) in one stream, three connections at a time, all replies read",
  async run(ground, tally) {
    await put(ground, "hostile:m1", Buffer.from("v"), tally);
    await crowd(3, 3, async (n) => {
      const count = times(ground, 1_000_000);
      const command = [["SET", `hostile:m${n}`, "v"], ["GET", `hostile:m${n}`], ["PING"]][n] as string[];
      const block = Buffer.concat(Array.from({ length: 1_000 }, () => encodeCommand(command)));
      const socket = await RawSocket.dial(ground.target.host, ground.target.respPort);
      const blocks = Math.ceil(count / 1_000);
      for (let sent = 1; sent < blocks; sent += 1) await socket.write(block);
      if (!(await socket.finish(block, MILLION_MS))) return tally.fail("STILL OPEN");
      const reply = ["+OK\r\n", "$1\r\nv\r\n", "+PONG\r\n"][n] as string;
      const answered = socket.receivedBytes / reply.length;
      tally.count("commands answered", Math.min(answered, blocks * 1_000));
      if (answered !== blocks * 1_000) tally.fail(`UNANSWERED on connection ${n}`);
    });
  },
};

const neverRead: Attack = {
  name: "clients that never read",
  what: "100 connections that ask for 8 MB values a hundred times each and take no byte",
  async run(ground, tally) {
    await put(ground, "hostile:large", Buffer.alloc(8 * MIB, 0x61), tally);
    const sockets = Array.from(
      { length: times(ground, 100) },
      () => new RawSocket(ground.target.host, ground.target.respPort),
    );
    const gets = Buffer.concat(Array.from({ length: 100 }, () => encodeCommand(["GET", "hostile:large"])));
    await crowd(sockets.length, sockets.length, async (n) => {
      const socket = sockets[n] as RawSocket;
      if (!(await socket.opened)) return tally.count("refused");
      socket.stopReading();
      await Promise.race([socket.write(gets), sleep(1_000)]);
    });
    await sleep(8_000 * ground.scale);
    for (const socket of sockets) {
      tally.count(socket.open ? "held back, nothing piled up" : "closed");
      socket.destroy();
    }
  },
};

export const floods: readonly Attack[] = [million, neverRead];
