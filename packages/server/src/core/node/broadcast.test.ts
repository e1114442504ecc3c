import { expect, test } from "vitest";
import { type NodeId, nodeId, PEER_FRAME_BYTES_TARGET, PUBLISHED_QUEUE_BYTES_MAX, utf8Bytes } from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import { Broadcast } from "./broadcast.ts";
import { encodePublished, type Published } from "./messages.ts";

const [SELF, FIRST, SECOND] = ["a", "b", "c"].map((digit) => nodeId(digit.repeat(40))) as [NodeId, NodeId, NodeId];

interface Sent {
  readonly to: NodeId;
  readonly message: Uint8Array;
  readonly queuedBytesMax: number | undefined;
}

function broadcastOf(nodes: readonly NodeId[]): { broadcast: Broadcast; sent: Sent[]; counts: Record<string, number> } {
  const sent: Sent[] = [];
  const counts = { flushes: 0, passes: 0 };
  const links: PeerLinks = {
    send: (to, message, queuedBytesMax) => void sent.push({ to, message: message.slice(), queuedBytesMax }),
    flush: () => void (counts.flushes += 1),
    queuedBytes: () => 0,
    isUp: () => true,
  };
  const requestPass = (): void => void (counts.passes += 1);
  return { broadcast: new Broadcast({ self: SELF, links, nodes: () => nodes, requestPass }), sent, counts };
}

const published = (bytes: number): Published => ({
  sharded: false,
  channel: utf8Bytes("news"),
  message: new Uint8Array(bytes),
});

test("all nodes but this one are told, within what a link may hold for it, and leave with the next pass", () => {
  const { broadcast, sent, counts } = broadcastOf([FIRST, SELF, SECOND]);
  broadcast.publish(published(3));
  const message = encodePublished(published(3));
  expect(sent).toEqual([FIRST, SECOND].map((to) => ({ to, message, queuedBytesMax: PUBLISHED_QUEUE_BYTES_MAX })));
  expect(counts).toEqual({ flushes: 0, passes: 1 });
});

test("many in one pass leave before it ends: a link that takes them must not look full", () => {
  const { broadcast, counts } = broadcastOf([FIRST]);
  for (let n = 0; n < 8; n += 1) broadcast.publish(published(PEER_FRAME_BYTES_TARGET / 4));
  expect(counts["flushes"]).toBe(2);
});

test("a cluster of one node costs nothing", () => {
  const { broadcast, sent, counts } = broadcastOf([SELF]);
  broadcast.publish(published(3));
  expect([sent, counts]).toEqual([[], { flushes: 0, passes: 0 }]);
});
