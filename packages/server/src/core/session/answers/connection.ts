import { DEFAULT_USER } from "../../access/index.ts";
import { EMPTY_BYTES, latin1, utf8, utf8Bytes } from "../../base/index.ts";
import { err, NIL, NOT_AN_INTEGER, OK, type Reply, SYNTAX_ERROR } from "../../command/index.ts";
import type { Connection } from "../connection.ts";
import { NAME_CHARACTERS, nameFrom, word } from "./client-words.ts";
import type { Answers, LocalCall } from "./types.ts";

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const integer = (value: number): Reply => ({ type: "integer", value });

const PONG: Reply = { type: "simple", text: "PONG" };
/** A client of RESP2 that listens to channels takes every answer for one of them. */
const PONG_LISTENING: Reply = bulk("pong");
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
  connection.endTransaction();
  connection.subscriber?.end();
  return RESET;
}

/** A line of CLIENT LIST. Only what is known: Redis' other fields would have to be made up. */
function describe(connection: Connection, nowMs: number): string {
  const ageSeconds = Math.max(0, Math.floor((nowMs - connection.openedMs) / 1000));
  return [
    `id=${connection.id}`,
    `addr=${connection.socket.remoteAddress}`,
    `laddr=${connection.socket.localAddress}`,
    `name=${connection.name}`,
    `age=${ageSeconds}`,
    `flags=${connection.stale ? "r" : "N"}`,
    "db=0",
    `omem=${connection.socket.pendingBytes}`,
    `cmd=${connection.lastCommand?.name ?? "NULL"}`,
    `user=${connection.user?.name ?? DEFAULT_USER}`,
    `lib-name=${connection.libraryName}`,
    `lib-ver=${connection.libraryVersion}`,
    `resp=${connection.resp}`,
  ].join(" ");
}

const listText = (text: string): Reply => ({ type: "verbatim", format: "txt", text });

function list({ args, connections }: LocalCall): Reply {
  const ids = new Set<number>();
  if (args.length > 0) {
    if (word(args[0]) === "type" && args.length === 2) {
      if (word(args[1]) !== "normal") return listText("");
    } else if (word(args[0]) === "id" && args.length > 1) {
      for (const arg of args.slice(1)) {
        if (!/^\d{1,15}$/.test(latin1(arg))) return err("Invalid client ID");
        ids.add(Number(latin1(arg)));
      }
    } else {
      return SYNTAX_ERROR;
    }
  }
  const nowMs = connections.facts.wallMs();
  let text = "";
  for (const connection of connections.all) {
    if (ids.size === 0 || ids.has(connection.id)) text += `${describe(connection, nowMs)}\n`;
  }
  return listText(text);
}

function setInfo({ args, connection }: LocalCall): Reply {
  const attribute = word(args[0]);
  if (attribute !== "lib-name" && attribute !== "lib-ver") {
    return err(`Unrecognized option '${utf8(args[0] as Uint8Array).slice(0, 64)}'`);
  }
  const value = nameFrom(args[1] as Uint8Array);
  if (value === undefined) return err(`${attribute} cannot contain spaces, newlines or special characters.`);
  if (attribute === "lib-name") connection.libraryName = value;
  else connection.libraryVersion = value;
  return OK;
}

const onOff = ({ args }: LocalCall): Reply => (/^(on|off)$/.test(word(args[0])) ? OK : SYNTAX_ERROR);

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
  "client|getname": ({ connection }) => (connection.name === "" ? NIL : bulk(connection.name)),
  "client|id": ({ connection }) => integer(connection.id),
  "client|info": ({ connection, connections }) => listText(`${describe(connection, connections.facts.wallMs())}\n`),
  "client|list": list,
  "client|no-evict": onOff,
  "client|no-touch": onOff,
  "client|setinfo": setInfo,
  "client|setname"({ args, connection }) {
    const name = nameFrom(args[0] as Uint8Array);
    if (name === undefined) return NAME_CHARACTERS;
    connection.name = name;
    return OK;
  },
};
