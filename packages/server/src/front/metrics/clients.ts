import type { CommandStatistic } from "../../core/session/index.ts";
import { inGroup, type MetricDefinition } from "./metric.ts";
import { each, histogramLines, one } from "./samples.ts";
import type { Moment } from "./sources.ts";

function statistics({ connections }: Moment): CommandStatistic[] {
  const all: CommandStatistic[] = [];
  connections.statistics.forEach((statistic) => all.push(statistic));
  return all;
}

function unsentBytes({ connections }: Moment): number {
  let bytes = 0;
  for (const connection of connections.all) bytes += connection.unsentBytes;
  return bytes;
}

export const COMMANDS: readonly MetricDefinition[] = [
  {
    name: "sherd_commands_total",
    type: "counter",
    group: "Commands",
    help: "Commands of Redis clients by name and result: ok; failed (run, or perhaps run, with an error); rejected (not run). Names that are not known are one: unknown.",
    labels: ["command", "result"],
    collect: (moment) => [
      ...statistics(moment).flatMap(({ name, calls, failed, rejected }) => [
        ...one(calls - failed, { command: name, result: "ok" }),
        ...one(failed, { command: name, result: "failed" }),
        ...one(rejected, { command: name, result: "rejected" }),
      ]),
      ...one(moment.connections.statistics.unknown, { command: "unknown", result: "rejected" }),
    ],
  },
  {
    name: "sherd_command_duration_seconds",
    type: "histogram",
    group: "Commands",
    help: "From a command's arrival to the end of the pass that answered it, for commands that were run.",
    labels: ["command"],
    collect: (moment) =>
      statistics(moment)
        .filter(({ calls }) => calls > 0)
        .flatMap(({ name, durations }) =>
          histogramLines("sherd_command_duration_seconds", durations, { command: name }),
        ),
  },
  {
    name: "sherd_access_denied_total",
    type: "counter",
    group: "Commands",
    help: "What users were refused, on all ports: auth (a wrong password), command, key or channel (not in their rules).",
    labels: ["reason"],
    collect: ({ connections }) =>
      each(
        Object.entries(connections.access.log.counts),
        ([reason]) => ({ reason }),
        ([, count]) => count,
      ),
  },
  {
    name: "sherd_error_replies_total",
    type: "counter",
    group: "Commands",
    help: "Error replies to Redis clients, by their first word.",
    labels: ["kind"],
    collect: ({ connections }) =>
      each(
        connections.statistics.errors,
        ([kind]) => ({ kind }),
        ([, count]) => count,
      ),
  },
  {
    name: "sherd_grpc_calls_total",
    type: "counter",
    group: "Commands",
    help: "Calls of KVStore by method and result: ok, missing, the first word of the error, or gRPC's status.",
    labels: ["method", "result"],
    collect: ({ grpc }) =>
      each(
        grpc.results(),
        ({ method, result }) => ({ method, result }),
        ({ count }) => count,
      ),
  },
  {
    name: "sherd_grpc_call_duration_seconds",
    type: "histogram",
    group: "Commands",
    help: "How long calls of KVStore took.",
    labels: ["method"],
    collect: ({ grpc }) =>
      [...grpc.durations].flatMap(([method, durations]) =>
        histogramLines("sherd_grpc_call_duration_seconds", durations, { method }),
      ),
  },
];

const { gauge, counter } = inGroup("Connections");

export const CONNECTIONS: readonly MetricDefinition[] = [
  gauge("sherd_connections", "Open connections of Redis clients.", ({ connections }) => connections.size),
  counter(
    "sherd_connections_accepted_total",
    "Connections of Redis clients that were accepted.",
    ({ connections }) => connections.accepted,
  ),
  counter(
    "sherd_connections_rejected_total",
    "Connections refused because there were too many.",
    ({ connections }) => connections.rejected,
  ),
  gauge(
    "sherd_connection_input_bytes",
    "Memory that holds commands which have not arrived completely.",
    ({ connections }) => connections.input.takenBytes,
  ),
  gauge("sherd_connection_output_bytes", "Replies that clients have not taken yet.", unsentBytes),
];
