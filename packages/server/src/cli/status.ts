import type { Command } from "commander";
import type { ClusterStatus, GroupSummary, ReplicaSummary } from "../daemon/status.ts";
import { addCredentialOptions, basicAuthorization, type CredentialOptions, credentialsOf } from "./credentials.ts";
import { EXIT, runSubcommand } from "./exit.ts";
import { parsePort } from "./options.ts";
import { table } from "./text-table.ts";
import { tellingTlsMismatch } from "./tls-mismatch.ts";
import { addTlsOptions, clientTls, type TlsOptions } from "./tls-options.ts";

interface StatusOptions extends TlsOptions, CredentialOptions {
  readonly host: string;
  readonly httpPort: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  addTlsOptions(addCredentialOptions(program.command("status")))
    .description("show nodes, shards, leaders and lag; exit code 1 when a shard has no leader")
    .option("--host <name>", "host of any node", "127.0.0.1")
    .option("--http-port <number>", "its HTTP port", parsePort, 7080)
    .option("--json", "print JSON")
    .action((options: StatusOptions) =>
      runSubcommand(async () => {
        const { askCluster } = await import("../daemon/status.ts");
        const credentials = credentialsOf(options);
        const authorization = credentials && basicAuthorization(credentials);
        const tls = clientTls(options);
        const { host, httpPort } = options;
        const status = await tellingTlsMismatch({ host, port: httpPort, tls }, () =>
          askCluster(host, httpPort, { tls, authorization }),
        );
        process.stdout.write(
          options.json === true ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status),
        );
        return status.ok ? EXIT.ok : EXIT.no;
      }),
    );
}

export function formatStatus(status: ClusterStatus): string {
  const nodes = status.nodes.map((node) => [
    node.name,
    node.state,
    `${node.leads}`,
    `${node.replicas}`,
    node.addresses.host,
    `${node.addresses.respPort}`,
    `${node.addresses.clusterPort}`,
    `${node.addresses.grpcPort}`,
    `${node.addresses.httpPort}`,
  ]);
  const groups = status.groups.map((group) => [
    group.slots.length === 0 ? "meta" : `${group.group}`,
    describeSlots(group),
    group.leader ?? "NONE",
    group.term === undefined ? "?" : `${group.term}`,
    group.replicas.map(describeReplica).join(", "),
  ]);
  const leaderless = status.groups.filter((group) => group.leader === undefined).length;
  const verdict = status.ok
    ? "Every shard has a leader."
    : `${leaderless} of ${status.groups.length} groups have no leader among the nodes that answered.`;
  return [
    `cluster ${status.clusterId}, map version ${status.mapVersion}`,
    "",
    ...table([["NODE", "STATE", "LEADS", "REPLICAS", "HOST", "RESP", "CLUSTER", "GRPC", "HTTP"], ...nodes]),
    "",
    ...table([["SHARD", "SLOTS", "LEADER", "TERM", "REPLICAS (entries behind)"], ...groups]),
    "",
    verdict,
    "",
  ].join("\n");
}

function describeSlots(group: GroupSummary): string {
  if (group.slots.length === 0) return "-";
  return group.slots.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

function describeReplica(replica: ReplicaSummary): string {
  if (replica.stopped !== undefined) return `${replica.node} STOPPED: ${replica.stopped}`;
  return `${replica.node} (${replica.lag ?? "?"})`;
}
