import { CLIENT_NAME_BYTES_MAX, latin1, utf8, utf8Bytes } from "../../base/index.ts";
import { err, errorReply, NIL, NOT_AN_INTEGER, OK, type Reply, SYNTAX_ERROR } from "../../command/index.ts";
import type { Connection } from "../connection.ts";
import { REDIS_COMPATIBLE_VERSION } from "./info.ts";
import type { Answers, LocalCall } from "./types.ts";

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const integer = (value: number): Reply => ({ type: "integer", value });

const PONG: Reply = { type: "simple", text: "PONG" };
const RESET: Reply = { type: "simple", text: "RESET" };
const WRONG_PASSWORD = errorReply("WRONGPASS", "invalid username-password pair or user is disabled.");
const NO_PASSWORD = err(
  "AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);
const NAME_CHARACTERS = err("Client names cannot contain spaces, newlines or special characters.");

const word = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : latin1(bytes).toLowerCase());

/** Redis' rule: printable ASCII without space, so that CLIENT LIST stays one line a client, one word a field. */
function nameFrom(bytes: Uint8Array): string | undefined {
  if (bytes.length > CLIENT_NAME_BYTES_MAX) return undefined;
  return bytes.every((byte) => byte >= 0x21 && byte <= 0x7e) ? latin1(bytes) : undefined;
}

/** There are no users yet: the default one is let in with any password, as in a Redis without passwords. */
const mayEnter = (user: Uint8Array): boolean => latin1(user) === "default";

function hello({ args, connection, connections }: LocalCall): Reply {
  let version = connection.resp;
  let name: string | undefined;
  const wanted = args[0];
  if (wanted !== undefined) {
    const text = latin1(wanted);
    if (!/^\d{1,9}$/.test(text)) return err("Protocol version is not an integer or out of range");
    if (text !== "2" && text !== "3") return errorReply("NOPROTO", "unsupported protocol version");
    version = text === "2" ? 2 : 3;
  }
  for (let at = 1; at < args.length; ) {
    const option = word(args[at]);
    const first = args[at + 1];
    const second = args[at + 2];
    if (option === "auth" && first !== undefined && second !== undefined) {
      if (!mayEnter(first)) return WRONG_PASSWORD;
      at += 3;
    } else if (option === "setname" && first !== undefined) {
      name = nameFrom(first);
      if (name === undefined) return NAME_CHARACTERS;
      at += 2;
    } else {
      return err(`Syntax error in HELLO option '${word(args[at])}'`);
    }
  }
  // Nothing may change before everything was found to be right.
  connection.resp = version;
  if (name !== undefined) connection.name = name;
  const fields: [string, Reply][] = [
    ["server", bulk("redis")],
    ["version", bulk(REDIS_COMPATIBLE_VERSION)],
    ["proto", integer(version)],
    ["id", integer(connection.id)],
    ["mode", bulk("cluster")],
    ["role", bulk("master")],
    ["modules", { type: "array", items: [] }],
  ];
  // What clients know nothing of comes last, where they do not look.
  fields.push(["sherd_version", bulk(connections.facts.version)]);
  return { type: "map", entries: fields.map(([key, value]) => [bulk(key), value] as const) };
}

function auth({ args }: LocalCall): Reply {
  const [user, password] = args;
  if (user === undefined || args.length > 2) return SYNTAX_ERROR;
  if (password === undefined) return NO_PASSWORD;
  return mayEnter(user) ? OK : WRONG_PASSWORD;
}

function select({ args }: LocalCall): Reply {
  const text = latin1(args[0] as Uint8Array);
  if (!/^-?\d{1,10}$/.test(text)) return NOT_AN_INTEGER;
  return Number(text) === 0 ? OK : err("SELECT is not allowed in cluster mode");
}

function reset({ connection }: LocalCall): Reply {
  connection.resp = 2;
  connection.name = "";
  connection.stale = false;
  connection.endTransaction();
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
    "user=default",
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
  auth,
  echo: ({ args }) => ({ type: "bulk", bytes: args[0] as Uint8Array }),
  hello,
  ping({ args }) {
    if (args.length > 1) return err("wrong number of arguments for 'ping' command");
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
