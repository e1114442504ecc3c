import { DEFAULT_USER } from "../../access/index.ts";
import { latin1, utf8 } from "../../base/index.ts";
import { type ErrorReply, err, type Reply, SYNTAX_ERROR, word } from "../../command/index.ts";
import type { Connection } from "../connection.ts";
import type { Connections } from "../connections.ts";

/** As CLIENT LIST and KILL name them. There are no masters and replicas among clients: nodes have a port of their own. */
const TYPES = ["normal", "master", "replica", "slave", "pubsub"] as const;
type ClientType = (typeof TYPES)[number];

export function clientTypeNamed(name: Uint8Array): ClientType | ErrorReply {
  const type = TYPES.find((known) => known === word(name));
  return type ?? err(`Unknown client type '${utf8(name).slice(0, 64)}'`);
}

export const clientTypeOf = ({ subscriber }: Connection): ClientType =>
  subscriber !== undefined && subscriber.total > 0 ? "pubsub" : "normal";

type Test = (connection: Connection) => boolean;

/** `CLIENT KILL ID 5 TYPE normal SKIPME no ...`: who is meant, or what is wrong. */
export function clientsChosenBy(
  args: readonly Uint8Array[],
  self: Connection,
  connections: Connections,
): Connection[] | Reply {
  if (args.length % 2 === 1) return SYNTAX_ERROR;
  const tests: Test[] = [];
  let skipMe = true;
  for (let at = 0; at < args.length; at += 2) {
    const option = word(args[at] as Uint8Array);
    const value = args[at + 1] as Uint8Array;
    if (option === "skipme") {
      const choice = word(value);
      if (choice !== "yes" && choice !== "no") return SYNTAX_ERROR;
      skipMe = choice === "yes";
      continue;
    }
    const test = testOf(option, value, connections);
    if (typeof test !== "function") return test;
    tests.push(test);
  }
  return [...connections.all].filter(
    (connection) => !(skipMe && connection === self) && tests.every((test) => test(connection)),
  );
}

function testOf(option: string, value: Uint8Array, connections: Connections): Test | Reply {
  const text = latin1(value);
  switch (option) {
    case "id": {
      if (!/^\d{1,15}$/.test(text) || Number(text) === 0) return err("client-id should be greater than 0");
      return ({ id }) => id === Number(text);
    }
    case "addr":
      return ({ socket }) => socket.remoteAddress === text;
    case "laddr":
      return ({ socket }) => socket.localAddress === text;
    case "type": {
      const type = clientTypeNamed(value);
      if (typeof type !== "string") return type;
      return (connection) => clientTypeOf(connection) === type;
    }
    case "user":
      return connections.access.users.get(text) === undefined
        ? err(`No such user '${utf8(value).slice(0, 64)}'`)
        : ({ user }) => (user?.name ?? DEFAULT_USER) === text;
    case "maxage": {
      if (!/^\d{1,12}$/.test(text) || Number(text) === 0) return err("maxage is not an integer or out of range");
      const oldestMs = connections.facts.wallMs() - Number(text) * 1000;
      return ({ openedMs }) => openedMs <= oldestMs;
    }
    default:
      return SYNTAX_ERROR;
  }
}
