import { EMPTY_BYTES, latin1, utf8Bytes } from "../../base/index.ts";
import { err, NOT_AN_INTEGER, OK, type Reply } from "../../command/index.ts";
import type { Answers, LocalCall } from "./types.ts";
import { wait, waitaof } from "./wait.ts";

const PONG: Reply = { type: "simple", text: "PONG" };
/** A client of RESP2 that listens to channels takes every answer for one of them. */
const PONG_LISTENING: Reply = { type: "bulk", bytes: utf8Bytes("pong") };
const RESET: Reply = { type: "simple", text: "RESET" };

function select({ args }: LocalCall): Reply {
  const text = latin1(args[0] as Uint8Array);
  if (!/^-?\d{1,10}$/.test(text)) return NOT_AN_INTEGER;
  return Number(text) === 0 ? OK : err("SELECT is not allowed in cluster mode");
}

function reset({ connection, connections }: LocalCall): Reply {
  connection.user = connections.access.initial;
  connection.resp = 2;
  connection.name = "";
  connection.stale = false;
  connection.silence(0);
  connection.endTransaction();
  connection.subscriber?.end();
  connections.monitors.remove(connection);
  connection.monitors = false;
  return RESET;
}

export const connectionAnswers: Answers = {
  echo: ({ args }) => ({ type: "bulk", bytes: args[0] as Uint8Array }),
  ping({ args, connection }) {
    if (args.length > 1) return err("wrong number of arguments for 'ping' command");
    if (connection.subscriber?.restricted === true) {
      return { type: "array", items: [PONG_LISTENING, { type: "bulk", bytes: args[0] ?? EMPTY_BYTES }] };
    }
    return args[0] === undefined ? PONG : { type: "bulk", bytes: args[0] };
  },
  quit({ connection }) {
    connection.finish();
    return OK;
  },
  reset,
  select,
  wait,
  waitaof,
};
