/**
 * answers: the commands that a connection answers itself, a file per group of the command table.
 *
 * Invariants: what waits for something is answered `Later`, and says `waits` in the table.
 */
import { assert } from "../../base/index.ts";
import {
  allCommands,
  arityFits,
  type CommandSpec,
  type ErrorReply,
  err,
  findSubcommand,
  type Reply,
  unknownSubcommand,
  wrongArity,
} from "../../command/index.ts";
import type { Connection } from "../connection.ts";
import type { Connections } from "../connections.ts";
import { Later } from "../later.ts";
import { aclAnswers } from "./acl.ts";
import { clientAnswers } from "./client.ts";
import { clusterAnswers } from "./cluster.ts";
import { configAnswers } from "./config.ts";
import { connectionAnswers } from "./connection.ts";
import { keyspaceAnswers } from "./keyspace.ts";
import { latencyAnswers } from "./latency.ts";
import { memoryAnswers } from "./memory.ts";
import { operationsAnswers } from "./operations.ts";
import { pubsubAnswers } from "./pubsub.ts";
import { scriptingAnswers } from "./scripting.ts";
import { serverAnswers } from "./server.ts";
import { signInAnswers } from "./sign-in.ts";
import { slowlogAnswers } from "./slowlog.ts";
import type { Answer, Answers, LocalCall } from "./types.ts";

const byName: Answers = {
  ...connectionAnswers,
  ...clientAnswers,
  ...signInAnswers,
  ...aclAnswers,
  ...pubsubAnswers,
  ...serverAnswers,
  ...configAnswers,
  ...slowlogAnswers,
  ...latencyAnswers,
  ...memoryAnswers,
  ...operationsAnswers,
  ...scriptingAnswers,
  ...clusterAnswers,
  ...keyspaceAnswers,
};
const answers: ReadonlyMap<CommandSpec, Answer> = collect();

/** The table says which commands there are; each must have its answer, or the process does not start. */
function collect(): Map<CommandSpec, Answer> {
  const collected = new Map<CommandSpec, Answer>();
  for (const container of allCommands) {
    for (const spec of [container, ...(container.subcommands ?? [])]) {
      if (spec.opcode !== 0 || spec.group === "transactions") continue;
      const isHelp = spec.name.endsWith("|help");
      const answer = byName[spec.name] ?? (isHelp ? () => help(container) : undefined);
      assert(answer !== undefined || spec.subcommands !== undefined, `${spec.name} has an answer`);
      if (answer !== undefined) collected.set(spec, answer);
    }
  }
  return collected;
}

const simple = (text: string): Reply => ({ type: "simple", text });

function help(container: CommandSpec): Reply {
  const lines = [`${container.name.toUpperCase()} <subcommand> [<arg> ...]. Subcommands are:`];
  for (const spec of container.subcommands ?? []) {
    lines.push(spec.name.slice(spec.name.indexOf("|") + 1).toUpperCase(), `    ${spec.summary}`);
  }
  return { type: "array", items: lines.map(simple) };
}

/** Subcommands of Redis that change what is not changed here: said plainly, because scripts of operators send them. */
const NOT_BY_COMMAND: ReadonlyMap<string, string> = new Map([
  ["cluster", "The cluster is changed by the sherd command, not by CLUSTER; see `sherd --help`."],
]);

/** Why a command cannot be run whatever the state is: there is no such subcommand, or not with so many arguments. */
export function misnamed(spec: CommandSpec, args: readonly Uint8Array[]): ErrorReply | undefined {
  const name = args[0];
  const named = spec.subcommands === undefined || name === undefined ? spec : findSubcommand(spec, name);
  if (named === undefined) {
    const unknown = unknownSubcommand(spec.name, name as Uint8Array);
    const hint = NOT_BY_COMMAND.get(spec.name);
    return hint === undefined ? unknown : err(`${unknown.text} ${hint}`);
  }
  const misfit = [spec, named].find((each) => !arityFits(each, args.length));
  return misfit && wrongArity(misfit.name);
}

/** Answers a command without an opcode. */
export function answerLocally(
  spec: CommandSpec,
  args: readonly Uint8Array[],
  connection: Connection,
  connections: Connections,
): Reply | Later {
  const name = args[0];
  const inside = spec.subcommands === undefined || name === undefined ? undefined : findSubcommand(spec, name);
  const named = inside ?? spec;
  const refusal = misnamed(spec, args);
  if (refusal !== undefined) {
    connections.statistics.record(named, "rejected", 0);
    return refusal;
  }
  return timed(named, { args: named === spec ? args : args.slice(1), connection, connections });
}

/** Commands that are fast by the table (PING) are counted without a look at the clock. */
function timed(spec: CommandSpec, call: LocalCall): Reply | Later {
  const { timer } = call.connections;
  // With the subcommand's name, which was not looked for before.
  call.connection.lastCommand = spec;
  const fromUs = spec.flags.includes("fast") ? undefined : timer.nowUs();
  const answer = (answers.get(spec) as Answer)(call);
  const { args, connection: owner } = call;
  if (!(answer instanceof Later)) {
    const durationUs = fromUs === undefined ? 0 : timer.sinceUs(fromUs);
    timer.answeredLocally(spec, answer, durationUs);
    if (durationUs >= timer.slowUs) timer.answeredSlowly({ spec, args, owner }, durationUs);
  } else if (answer.reply !== undefined) {
    timer.answeredLocally(spec, answer.reply, 0);
  } else {
    answer.spec = spec;
    answer.args = args;
    answer.owner = owner;
    answer.fromUs = fromUs ?? timer.nowUs();
  }
  return answer;
}
