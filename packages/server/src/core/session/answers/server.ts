import { COMMAND_BYTES_MAX, CONNECTIONS_MAX, latin1, utf8Bytes, VALUE_BYTES_MAX } from "../../base/index.ts";
import {
  allCommands,
  arityFits,
  type CommandSpec,
  categoriesOf,
  commandByName,
  commandDocs,
  commandEntry,
  err,
  findSubcommand,
  keysAndFlags,
  keysOf,
  NIL,
  type Reply,
  SYNTAX_ERROR,
} from "../../command/index.ts";
import { infoText } from "./info.ts";
import type { Answers, LocalCall } from "./types.ts";

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const array = (items: readonly Reply[]): Reply => ({ type: "array", items });

/** `get`, or `cluster|slots`. */
function named(name: Uint8Array): CommandSpec | undefined {
  const bar = name.indexOf(0x7c);
  if (bar < 0) return commandByName(name);
  const container = commandByName(name.subarray(0, bar));
  return container === undefined ? undefined : findSubcommand(container, name.subarray(bar + 1));
}

function getKeys({ args }: LocalCall, answer: (spec: CommandSpec, own: readonly Uint8Array[]) => Reply): Reply {
  const spec = named(args[0] as Uint8Array);
  if (spec === undefined) return err("Invalid command specified");
  if (spec.keys.first === 0) return err("The command has no key arguments");
  const own = args.slice(1);
  if (!arityFits(spec, own.length)) return err("Invalid number of arguments specified for command");
  return answer(spec, own);
}

function commandList({ args }: LocalCall): Reply {
  const names = (specs: readonly CommandSpec[]): Reply => array(specs.map((spec) => bulk(spec.name)));
  if (args.length === 0) return names(allCommands);
  const [filterBy, kind, value] = args.map((arg) => latin1(arg).toLowerCase());
  if (args.length !== 3 || filterBy !== "filterby" || value === undefined) return SYNTAX_ERROR;
  switch (kind) {
    case "module":
      return names([]);
    case "aclcat":
      return names(allCommands.filter((spec) => categoriesOf(spec).includes(`@${value}`)));
    case "pattern": {
      const pattern = globExpression(value);
      return names(allCommands.filter((spec) => pattern.test(spec.name)));
    }
    default:
      return SYNTAX_ERROR;
  }
}

/** What Redis' tools ask for. Nothing here can be set: limits are constants, the rest is given at the start. */
const settings: ReadonlyMap<string, string> = new Map([
  ["appendonly", "yes"],
  ["appendfsync", "always"],
  ["cluster-enabled", "yes"],
  ["databases", "1"],
  ["maxclients", String(CONNECTIONS_MAX)],
  ["maxmemory", "0"],
  ["maxmemory-policy", "noeviction"],
  ["proto-max-bulk-len", String(VALUE_BYTES_MAX)],
  ["client-query-buffer-limit", String(COMMAND_BYTES_MAX)],
  ["save", ""],
  ["timeout", "0"],
]);

function configGet({ args }: LocalCall): Reply {
  const patterns = args.map((arg) => globExpression(latin1(arg)));
  const entries: [Reply, Reply][] = [];
  for (const [name, value] of settings) {
    if (patterns.some((pattern) => pattern.test(name))) entries.push([bulk(name), bulk(value)]);
  }
  return { type: "map", entries };
}

const PATTERN_LENGTH_MAX = 128;

/** `*` and `?` only: names of settings have nothing else to tell apart. */
function globExpression(pattern: string): RegExp {
  // Runs of stars mean one; as written they could make the match take exponential time.
  const short = pattern.slice(0, PATTERN_LENGTH_MAX).replace(/\*+/g, "*");
  const escaped = short.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "i");
}

export const serverAnswers: Answers = {
  command: () => array(allCommands.map(commandEntry)),
  "command|count": () => ({ type: "integer", value: allCommands.length }),
  "command|docs": ({ args }) => {
    const specs = args.length === 0 ? allCommands : args.map(named).filter((spec) => spec !== undefined);
    return { type: "map", entries: specs.map(commandDocs) };
  },
  "command|getkeys": (call) =>
    getKeys(call, (spec, own) => array(keysOf(spec, own).map((bytes) => ({ type: "bulk", bytes })))),
  "command|getkeysandflags": (call) => getKeys(call, keysAndFlags),
  "command|info": ({ args }) => {
    if (args.length === 0) return array(allCommands.map(commandEntry));
    return array(
      args.map((name) => {
        const spec = named(name);
        return spec === undefined ? NIL : commandEntry(spec);
      }),
    );
  },
  "command|list": commandList,
  "config|get": configGet,
  // Cluster clients ask every node and add; a plain client knows one node and means the whole store.
  dbsize: ({ connections, connection }) => ({
    type: "integer",
    value: connections.node.keyCount(connection.redirect ? "led" : "cluster"),
  }),
  info: ({ args, connections }) => ({
    type: "verbatim",
    format: "txt",
    text: infoText(
      connections,
      args.map((arg) => latin1(arg).toLowerCase()),
    ),
  }),
};
