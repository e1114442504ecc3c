import { performance } from "node:perf_hooks";
import { type Answer, ClientError, RespConnection, RespError } from "@sherd/client";

const INFLIGHT = 1_000;
const HOST = "127.0.0.1";

/** Gives `count` commands to one connection, so many at a time; every answer must be the right one. Rate per second. */
export async function pipeline(
  port: number,
  count: number,
  send: (connection: RespConnection, at: number, done: (answer: Answer) => void) => void,
  right: (answer: Answer, at: number) => boolean,
): Promise<number> {
  const connection = await RespConnection.open({ host: HOST, port });
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const next = (): void => {
      const at = sent;
      sent += 1;
      send(connection, at, (answer) => {
        if (!right(answer, at)) return reject(new Error(`command ${at} was answered ${describe(answer)}`));
        answered += 1;
        if (answered === count) resolve();
        else if (sent < count) next();
      });
    };
    while (sent < Math.min(count, INFLIGHT)) next();
  });
  const seconds = (performance.now() - began) / 1_000;
  connection.close();
  return Math.round(count / seconds);
}

function describe(answer: Answer): string {
  if (answer instanceof ClientError || answer instanceof RespError) return answer.message;
  if (answer instanceof Uint8Array) return `${answer.length} other bytes`;
  return typeof answer === "string" ? answer : "something of another type";
}
