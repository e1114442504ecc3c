import { Glob, latin1, utf8 } from "../../base/index.ts";
import { bulkText, err, OK, type Reply, SYNTAX_ERROR } from "../../command/index.ts";
import type { Answers, LocalCall } from "./types.ts";

/** Names of settings are short, and so is what can match one in a useful way. */
const PATTERN_LENGTH_MAX = 128;

export const namePattern = (pattern: Uint8Array): Glob =>
  new Glob(latin1(pattern.subarray(0, PATTERN_LENGTH_MAX)).toLowerCase());

function get({ args, connection, connections }: LocalCall): Reply {
  const patterns = args.map(namePattern);
  const found = connections.settings
    .matching(patterns)
    .map(([name, value]) => [bulkText(name), bulkText(value)] as const);
  const { node } = connections;
  const addresses = node.map.nodes.get(node.id)?.addresses;
  // Of the port that is asked.
  const port = connection.redirect ? addresses?.clusterPort : addresses?.respPort;
  if (port !== undefined && patterns.some((pattern) => pattern.matches("port"))) {
    found.push([bulkText("port"), bulkText(String(port))]);
  }
  return { type: "map", entries: found };
}

function set({ args, connections }: LocalCall): Reply {
  if (args.length % 2 === 1) return SYNTAX_ERROR;
  const pairs: [string, string][] = [];
  for (let at = 0; at < args.length; at += 2) {
    pairs.push([utf8(args[at] as Uint8Array).slice(0, PATTERN_LENGTH_MAX), utf8(args[at + 1] as Uint8Array)]);
  }
  const problem = connections.settings.set(pairs);
  return problem === undefined ? OK : err(problem);
}

export const configAnswers: Answers = {
  "config|get": get,
  "config|resetstat"({ connections }) {
    connections.sinceReset.reset();
    return OK;
  },
  "config|rewrite": () =>
    err(
      "The server is running without a config file that it could rewrite: what is to last is given by flags, environment or " +
        "the node's own configuration file when it starts",
    ),
  "config|set": set,
};
