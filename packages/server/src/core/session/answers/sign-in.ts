import { DEFAULT_USER, type User } from "../../access/index.ts";
import { latin1, latin1Bytes, utf8Bytes } from "../../base/index.ts";
import { type ErrorReply, err, errorReply, OK, quoted, type Reply, SYNTAX_ERROR } from "../../command/index.ts";
import { authenticate } from "../permission.ts";
import { NAME_CHARACTERS, nameFrom, word } from "./client-words.ts";
import { REDIS_COMPATIBLE_VERSION } from "./info.ts";
import type { Answers, LocalCall } from "./types.ts";

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const integer = (value: number): Reply => ({ type: "integer", value });

const NO_PASSWORD = err(
  "AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);
const HELLO_UNAUTHENTICATED = errorReply(
  "NOAUTH",
  "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can " +
    "be used to authenticate the client and select the RESP protocol version at the same time",
);

const isRefusal = (result: User | ErrorReply): result is ErrorReply => "kind" in result;

function hello({ args, connection, connections }: LocalCall): Reply {
  let version = connection.resp;
  let name: string | undefined;
  let { user } = connection;
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
      const result = authenticate(connection, connections, first, second);
      if (isRefusal(result)) return result;
      user = result;
      at += 3;
    } else if (option === "setname" && first !== undefined) {
      name = nameFrom(first);
      if (name === undefined) return NAME_CHARACTERS;
      at += 2;
    } else {
      return err(`Syntax error in HELLO option '${quoted(args[at] as Uint8Array)}'`);
    }
  }
  // As in a Redis that loads: a client may get ready for the moment at which it is let in.
  if (user === undefined && !connections.access.mayBeOpen) return HELLO_UNAUTHENTICATED;
  // Nothing may change before everything was found to be right.
  connection.user = user;
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

function auth({ args, connection, connections }: LocalCall): Reply {
  if (args.length > 2) return SYNTAX_ERROR;
  const { access } = connections;
  const [first, second] = args as [Uint8Array, Uint8Array | undefined];
  // Redis' old form: whoever sends only a password expects that one is wanted.
  if (second === undefined && access.current && access.users.get(DEFAULT_USER)?.nopass === true) return NO_PASSWORD;
  const name = second === undefined ? latin1Bytes(DEFAULT_USER) : first;
  const result = authenticate(connection, connections, name, second ?? first);
  if (isRefusal(result)) return result;
  connection.user = result;
  return OK;
}

export const signInAnswers: Answers = { auth, hello };
