import { beforeEach, expect, test } from "vitest";
import { groupId, nodeId, replicaId, slot, utf8Bytes } from "../base/index.ts";
import { encodeAnswer, encodeForward, encodeMapMessage, encodeRaft, encodeTransferMessage } from "./messages.ts";
import { PeerMessages, type PeerMessagesHost } from "./peer-messages.ts";

const PEER = nodeId("a".repeat(40));
const GROUP = groupId(3);

let taken: unknown[];
let warned: number;
let fails: Error | undefined;
let messages: PeerMessages;

beforeEach(() => {
  taken = [];
  warned = 0;
  fails = undefined;
  const take = (...what: unknown[]): void => {
    if (fails !== undefined) throw fails;
    taken.push(what);
  };
  const replica = { group: GROUP, id: replicaId(7), stopped: undefined, transfers: { receive: take } };
  messages = new PeerMessages({
    env: { requestPass: () => {} },
    complain: () => (warned += 1),
    raft: { step: take },
    requests: { onForward: take, onAnswer: take },
    map: { receive: take, sendTo: take },
    hosted: (group: number) => (group === GROUP ? { replica } : undefined),
    onHints: take,
  } as unknown as PeerMessagesHost);
});

const forward = encodeForward({ id: 1, group: GROUP, opcode: 9, slot: slot(1), origin: undefined, args: [] });

test.each<[string, Uint8Array]>([
  ["an empty one", new Uint8Array(0)],
  ["one of an unknown kind", new Uint8Array([99])],
  ["one that ends too early", forward.subarray(0, forward.length - 1)],
  ["a map that is not JSON", encodeMapMessage(utf8Bytes("{"))],
  ["a map that is nothing", encodeMapMessage(utf8Bytes("null"))],
  ["a map without nodes", encodeMapMessage(utf8Bytes(JSON.stringify({ format: 1, clusterId: "a".repeat(40) })))],
])("a message that cannot be read is dropped and reported: %s", (_, message) => {
  messages.onMessage(PEER, message);
  expect(taken).toEqual([]);
  expect(warned).toBe(1);
});

test("what fails in this node is not taken for the fault of the message, which may be half done", () => {
  fails = new RangeError("Array buffer allocation failed");
  expect(() => messages.onMessage(PEER, forward)).toThrow(fails);
  expect(warned).toBe(0);
});

test("parts of a group that is not here, or for a replica that was here before, are dropped silently", () => {
  messages.onMessage(PEER, encodeRaft(groupId(4), new Uint8Array(1)));
  messages.onMessage(PEER, encodeTransferMessage(GROUP, replicaId(1), replicaId(6), new Uint8Array(1)));
  expect([taken, warned]).toEqual([[], 0]);
  messages.onMessage(PEER, encodeTransferMessage(GROUP, replicaId(1), replicaId(7), new Uint8Array([5])));
  messages.onMessage(PEER, encodeRaft(GROUP, new Uint8Array([6])));
  messages.onMessage(PEER, encodeAnswer({ id: 8, reply: undefined }));
  expect(taken).toEqual([[1, new Uint8Array([5])], [3, new Uint8Array([6])], [{ id: 8, reply: undefined }]]);
});
