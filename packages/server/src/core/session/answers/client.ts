import { DEFAULT_USER } from "../../access/index.ts";
import { CLIENT_PAUSE_MS_MAX, latin1, utf8 } from "../../base/index.ts";
import {
  bulkText,
  err,
  integer,
  NIL,
  NOT_AN_INTEGER,
  OK,
  type Reply,
  SYNTAX_ERROR,
  word,
} from "../../command/index.ts";
import { PauseMode } from "../client-pause.ts";
import type { Connection } from "../connection.ts";
import { clientsChosenBy, clientTypeNamed, clientTypeOf } from "./client-choice.ts";
import { NAME_CHARACTERS, nameFrom, wrongForm } from "./client-words.ts";
import type { Answers, LocalCall } from "./types.ts";

const NO_TRACKING = err("keys are not tracked here: sherd has no server-assisted client-side caching");

/** What an open connection takes beside its buffers: objects of the connection, its parser, writer and socket. */
const CONNECTION_BYTES = 4_096;

/** Redis' letters: monitor, subscriptions, in MULTI, READONLY; N for none. */
function flagsOf(connection: Connection): string {
  const { queued } = connection.load;
  const listens = (connection.subscriber?.total ?? 0) > 0;
  const letters = { O: connection.monitors, P: listens, x: queued >= 0, r: connection.stale };
  const flags = Object.entries(letters).map(([letter, is]) => (is ? letter : ""));
  return flags.join("") || "N";
}

/** A line of CLIENT LIST: Redis' fields, in its order. `fd`, `events` and `db` say nothing here. */
function describe(connection: Connection, { facts, nowMs }: LocalCall["connections"]): string {
  const load = connection.load;
  const pendingBytes = connection.socket.pendingBytes;
  const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));
  const memory =
    CONNECTION_BYTES +
    load.bufferedBytes +
    load.spareBytes +
    load.queuedBytes +
    load.outputCapacityBytes +
    load.waitingBytes +
    pendingBytes;
  const fields: readonly (readonly [string, string | number])[] = [
    ["id", connection.id],
    ["addr", connection.socket.remoteAddress],
    ["laddr", connection.socket.localAddress],
    ["fd", -1],
    ["name", connection.name],
    ["age", seconds(facts.wallMs() - connection.openedMs)],
    ["idle", seconds(nowMs - connection.activeMs)],
    ["flags", flagsOf(connection)],
    ["db", 0],
    ["sub", connection.subscriber?.names.channel.size ?? 0],
    ["psub", connection.subscriber?.names.pattern.size ?? 0],
    ["ssub", connection.subscriber?.names.shardChannel.size ?? 0],
    ["multi", load.queued],
    ["watch", load.watched],
    ["qbuf", load.bufferedBytes],
    ["qbuf-free", load.spareBytes],
    ["multi-mem", load.queuedBytes],
    ["rbs", load.outputCapacityBytes],
    ["obl", load.outputBytes],
    ["oll", load.open],
    ["omem", pendingBytes + load.waitingBytes],
    ["tot-mem", memory],
    ["events", "r"],
    ["cmd", connection.lastCommand?.name ?? "NULL"],
    ["user", connection.user?.name ?? DEFAULT_USER],
    ["redir", -1],
    ["resp", connection.resp],
    ["lib-name", connection.libraryName],
    ["lib-ver", connection.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

const listText = (text: string): Reply => ({ type: "verbatim", format: "txt", text });

function list({ args, connections }: LocalCall): Reply {
  const [option, ...values] = args;
  let shown = [...connections.all];
  if (option !== undefined) {
    const [first] = values;
    if (word(option) === "type" && first !== undefined && values.length === 1) {
      const type = clientTypeNamed(first);
      if (typeof type !== "string") return type;
      shown = shown.filter((connection) => clientTypeOf(connection) === type);
    } else if (word(option) === "id" && first !== undefined) {
      const ids = new Set<number>();
      for (const value of values) {
        if (!/^\d{1,15}$/.test(latin1(value))) return err("Invalid client ID");
        ids.add(Number(latin1(value)));
      }
      shown = shown.filter(({ id }) => ids.has(id));
    } else {
      return SYNTAX_ERROR;
    }
  }
  return listText(shown.map((connection) => `${describe(connection, connections)}\n`).join(""));
}

function setInfo({ args, connection }: LocalCall): Reply {
  const attribute = word(args[0] as Uint8Array);
  if (attribute !== "lib-name" && attribute !== "lib-ver") {
    return err(`Unrecognized option '${utf8(args[0] as Uint8Array).slice(0, 64)}'`);
  }
  const value = nameFrom(args[1] as Uint8Array);
  if (value === undefined) return err(`${attribute} cannot contain spaces, newlines or special characters.`);
  if (attribute === "lib-name") connection.libraryName = value;
  else connection.libraryVersion = value;
  return OK;
}

/** The old form has one argument, an address; the others have pairs of an option and its value. */
function kill({ args, connection, connections }: LocalCall): Reply {
  const old = args.length === 1;
  const chosen = old
    ? [...connections.all].filter(({ socket }) => socket.remoteAddress === latin1(args[0] as Uint8Array))
    : clientsChosenBy(args, connection, connections);
  if (!Array.isArray(chosen)) return chosen;
  if (old && chosen.length === 0) return err("No such client");
  for (const each of chosen) {
    // Whoever closes itself gets its answer first.
    if (each === connection) each.finish();
    else each.kill();
  }
  return old ? OK : integer(chosen.length);
}

function pause({ args, connections }: LocalCall): Reply {
  const [time, mode, ...rest] = args;
  if (rest.length > 0) return wrongForm("CLIENT", "pause");
  const kind = mode === undefined ? "all" : word(mode);
  if (kind !== "all" && kind !== "write") return err("CLIENT PAUSE mode must be WRITE or ALL");
  const text = latin1(time as Uint8Array);
  if (/^-\d{1,18}$/.test(text)) return err("timeout is negative");
  if (!/^\d{1,18}$/.test(text)) return err("timeout is not an integer or out of range");
  const forMs = Number(text);
  if (forMs > CLIENT_PAUSE_MS_MAX) return err(`timeout is out of range: at most ${CLIENT_PAUSE_MS_MAX} ms`);
  connections.pause.begin(kind === "all" ? PauseMode.all : PauseMode.writes, connections.nowMs + forMs);
  return OK;
}

function reply({ args, connection }: LocalCall): Reply {
  switch (word(args[0] as Uint8Array)) {
    case "on":
      connection.silence(0);
      return OK;
    case "off":
      connection.silence(Number.POSITIVE_INFINITY);
      return OK;
    case "skip":
      // This reply, and the next.
      if (!connection.isSilent) connection.silence(2);
      return OK;
    default:
      return SYNTAX_ERROR;
  }
}

function unblock({ args }: LocalCall): Reply {
  const [id, reason, ...rest] = args;
  if (rest.length > 0) return wrongForm("CLIENT", "unblock");
  if (reason !== undefined && !/^(timeout|error)$/.test(word(reason))) {
    return err("CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  return /^-?\d{1,18}$/.test(latin1(id as Uint8Array)) ? integer(0) : NOT_AN_INTEGER;
}

const onOff = ({ args }: LocalCall): Reply => (/^(on|off)$/.test(word(args[0] as Uint8Array)) ? OK : SYNTAX_ERROR);

function tracking({ args }: LocalCall): Reply {
  const mode = word(args[0] as Uint8Array);
  if (mode === "on") return NO_TRACKING;
  return mode === "off" && args.length === 1 ? OK : SYNTAX_ERROR;
}

export const clientAnswers: Answers = {
  "client|caching": () =>
    err("CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"),
  "client|getname": ({ connection }) => (connection.name === "" ? NIL : bulkText(connection.name)),
  "client|getredir": () => integer(-1),
  "client|id": ({ connection }) => integer(connection.id),
  "client|info": ({ connection, connections }) => listText(`${describe(connection, connections)}\n`),
  "client|kill": kill,
  "client|list": list,
  "client|no-evict": onOff,
  "client|no-touch": onOff,
  "client|pause": pause,
  "client|reply": reply,
  "client|setinfo": setInfo,
  "client|setname"({ args, connection }) {
    const name = nameFrom(args[0] as Uint8Array);
    if (name === undefined) return NAME_CHARACTERS;
    connection.name = name;
    return OK;
  },
  "client|tracking": tracking,
  "client|trackinginfo": () => ({
    type: "map",
    entries: [
      [bulkText("flags"), { type: "set", items: [bulkText("off")] }],
      [bulkText("redirect"), integer(-1)],
      [bulkText("prefixes"), { type: "array", items: [] }],
    ],
  }),
  "client|unblock": unblock,
  "client|unpause"({ connections }) {
    connections.unpause();
    return OK;
  },
};
