import { inGroup, type MetricDefinition } from "./metric.ts";
import { each, one } from "./samples.ts";

const { gauge, counter, histogram } = inGroup("Node");

export const NODE: readonly MetricDefinition[] = [
  {
    name: "sherd_info",
    type: "gauge",
    group: "Node",
    help: "Always 1; the labels say which node this is, and of which version.",
    labels: ["node", "version"],
    collect: ({ name, version }) => one(1, { node: name, version }),
  },
  gauge("sherd_ready", "1 when every shard has a leader that this node knows, else 0.", ({ node }) =>
    Number(node.ready),
  ),
  gauge("sherd_disk_full", "1 while the disk is nearly full and writes that add data are refused.", ({ node }) =>
    Number(node.diskFull),
  ),
  gauge("sherd_map_version", "Version of this node's copy of the cluster map.", ({ node }) => node.mapVersion),
  {
    name: "sherd_peer_up",
    type: "gauge",
    group: "Node",
    help: "1 while there is a connection in both directions to the other node.",
    labels: ["peer"],
    collect: ({ node }) =>
      each(
        node.peers,
        ({ name }) => ({ peer: name }),
        ({ up }) => Number(up),
      ),
  },
  gauge(
    "sherd_clock_offset_seconds",
    "This machine's clock less the middle of the cluster's clocks; more than 5 s away from it, the node does not lead.",
    ({ node }) => node.clockOffsetMs / 1_000,
  ),
  histogram("sherd_pass_duration_seconds", "How long each turn of the node's loop took.", ({ node }) => node.passes),
  gauge(
    "sherd_requests_waiting",
    "Requests that wait for a leader, or for a way to it.",
    ({ node }) => node.requestsWaiting,
  ),
  gauge(
    "sherd_requests_forwarded",
    "Requests that were forwarded to another node and have no answer yet.",
    ({ node }) => node.requestsForwarded,
  ),
  counter(
    "sherd_forwarded_requests_total",
    "Requests that were forwarded to another node; one that came back and was forwarded again counts again.",
    ({ node }) => node.forwardsTotal,
  ),
];
