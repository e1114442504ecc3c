import { DEBUG_SLEEP_MS_MAX, latin1 } from "../../base/index.ts";
import { array, bulkText, err, integer, OK, type Reply, SYNTAX_ERROR, word, wrongArity } from "../../command/index.ts";
import type { Answers, LocalCall } from "./types.ts";

const DEBUG_REFUSED = err(
  'DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
    "connection, otherwise you need to set this option when the node is started.",
);

const isLocal = (address: string): boolean =>
  address.startsWith("127.") || address.startsWith("[::1]") || address.startsWith("[::ffff:127.");

function debug({ args, connection, connections }: LocalCall): Reply {
  const { facts, node } = connections;
  const { debugCommand } = facts;
  const allowed = debugCommand === "yes" || (debugCommand === "local" && isLocal(connection.socket.remoteAddress));
  if (!allowed) return DEBUG_REFUSED;
  const [name, value, ...rest] = args as [Uint8Array, Uint8Array | undefined];
  const which = word(name);
  if (which !== "sleep" && which !== "set-active-expire") {
    return err("DEBUG knows SLEEP <seconds> and SET-ACTIVE-EXPIRE <0|1>, and nothing else here.");
  }
  if (value === undefined || rest.length > 0) return wrongArity(`debug|${which}`);
  const text = latin1(value);
  if (which === "set-active-expire") {
    if (text !== "0" && text !== "1") return SYNTAX_ERROR;
    node.activeExpiry = text === "1";
    return OK;
  }
  if (!/^\d{1,5}(\.\d{1,6})?$/.test(text)) return err("value is not a valid float");
  const ms = Number(text) * 1000;
  if (ms > DEBUG_SLEEP_MS_MAX) return err(`DEBUG SLEEP takes at most ${DEBUG_SLEEP_MS_MAX / 1000} seconds`);
  facts.stall(ms);
  return OK;
}

/**
 * Redis' shape for a master: how much it has written, and how far its replicas are. The node leads some shards: counted in
 * entries of these, over all of them.
 */
function role({ connections: { node } }: LocalCall): Reply {
  const { applied, others } = node.figures.replication;
  const shown: Reply[] = [];
  for (const [id, matched] of others) {
    const addresses = node.map.nodes.get(id)?.addresses;
    if (addresses === undefined) continue;
    shown.push(array([bulkText(addresses.host), bulkText(String(addresses.clusterPort)), bulkText(String(matched))]));
  }
  return array([bulkText("master"), integer(applied), array(shown)]);
}

export const operationsAnswers: Answers = {
  debug,
  // Everything acknowledged is on disk at any moment.
  lastsave: ({ connections }) => integer(Math.floor(connections.facts.wallMs() / 1000)),
  lolwut: ({ connections }) => ({
    type: "verbatim",
    format: "txt",
    text: `sherd ${connections.facts.version}: a few shards, every write on most of them.\n`,
  }),
  monitor({ connection, connections }) {
    connection.monitors = true;
    connections.monitors.add(connection);
    return OK;
  },
  role,
};
