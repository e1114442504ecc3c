import { performance } from "node:perf_hooks";
import { type Answer, ClientError, RespConnection, RespError } from "@sherd/client";
import { pipeline } from "../pipeline.ts";
import type { DataSet } from "./data-set.ts";

const RETRY_MS = 5;
const HOST = "127.0.0.1";

export function load(port: number, data: DataSet): Promise<number> {
  return pipeline(
    port,
    data.keys,
    (connection, at, done) => connection.send(["SET", data.key(at), data.value(at)], done),
    (answer) => answer === "OK",
  );
}

/** Keys in no order; each must have the value it was given. */
export function readRandomly(port: number, data: DataSet, count: number): Promise<number> {
  const chosen = Uint32Array.from({ length: count }, () => Math.floor(Math.random() * data.keys));
  return pipeline(
    port,
    count,
    (connection, at, done) => connection.send(["GET", data.key(chosen[at] as number)], done),
    (answer, at) => answer instanceof Uint8Array && Buffer.compare(answer, data.value(chosen[at] as number)) === 0,
  );
}

/** Milliseconds since `sinceMs` (of `performance.now()`) when the first write was acknowledged, and the first read answered. */
export async function firstAnswers(
  port: number,
  data: DataSet,
  sinceMs: number,
): Promise<{ writeMs: number; readMs: number }> {
  const last = data.keys - 1;
  const first = async (command: readonly (string | Uint8Array)[]): Promise<number> => {
    for (;;) {
      const answer = await once(port, command);
      if (!(answer instanceof ClientError || answer instanceof RespError))
        return Math.round(performance.now() - sinceMs);
      // Nobody listens yet, or no leader is elected: the next try is the event waited for.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  const [writeMs, readMs] = await Promise.all([
    first(["SET", data.key(last), data.value(last)]),
    first(["GET", data.key(0)]),
  ]);
  return { writeMs, readMs };
}

function once(port: number, command: readonly (string | Uint8Array)[]): Promise<Answer> {
  return new Promise((resolve) => {
    const connection = new RespConnection({ host: HOST, port });
    connection.send(command, (answer) => {
      resolve(answer);
      connection.close();
    });
  });
}
