import { expect, test } from "vitest";
import { COMMAND_BYTES_MAX, groupId, KEY_BYTES_MAX, META_GROUP, nodeId, slot, utf8Bytes } from "../base/index.ts";
import { type CommandSpec, commandByName, commandByOpcode } from "../command/index.ts";
import {
  ANNOUNCE,
  encodeKeyPageRequest,
  FLUSH,
  KEY_PAGE,
  Opcode,
  REFUSE,
  SESSION_OPEN,
  SHARD_KEYS,
} from "../machine/index.ts";
import { admitForward, ForwardedRequest } from "./forward-in.ts";
import type { Answer, Forward } from "./messages.ts";

const SET = commandByName(utf8Bytes("set")) as CommandSpec;
const SENDER = nodeId("a".repeat(40));
const SLOT_OF_FOO = slot(12182);

const forward = (given: Partial<Forward>): Forward => ({
  id: 1,
  group: groupId(1),
  opcode: SET.opcode,
  slot: SLOT_OF_FOO,
  origin: undefined,
  args: [utf8Bytes("foo"), utf8Bytes("v")],
  ...given,
});

const ADDRESSES = { host: "h", peerPort: 1, respPort: 2, clusterPort: 3, grpcPort: 4, httpPort: 0 };
const announcement = (given: object): Uint8Array =>
  utf8Bytes(JSON.stringify({ id: SENDER, name: "n", bootCounter: 1, addresses: ADDRESSES, ...given }));

const admitted = (given: Partial<Forward>): ReturnType<typeof admitForward> =>
  admitForward(forward(given), commandByOpcode);

const PAGE = encodeKeyPageRequest({ place: 0, toSlot: slot(9), keysMax: 10, pattern: utf8Bytes("*") });

test("what any replica can apply is admitted", () => {
  expect(admitted({})).toBe(SET);
  expect(admitted({ opcode: Opcode.sessionOpen, args: [] })).toBe(SESSION_OPEN);
  expect(admitted({ group: META_GROUP, opcode: Opcode.announce, args: [announcement({})] })).toBe(ANNOUNCE);
  expect(admitted({ opcode: Opcode.flush, args: [] })).toBe(FLUSH);
  expect(admitted({ opcode: Opcode.shardKeys, args: [] })).toBe(SHARD_KEYS);
  expect(admitted({ opcode: Opcode.keyPage, args: PAGE })).toBe(KEY_PAGE);
});

test.each<[string, Partial<Forward>, RegExp]>([
  ["an unknown command", { opcode: 0x7abc }, /does not know command 31420/],
  ["an internal command of a replica", { opcode: Opcode.refuse }, /does not know command/],
  ["a shard's command for the meta group", { group: META_GROUP }, /does not know command/],
  ["a session opened with arguments", { opcode: Opcode.sessionOpen }, /does not know command/],
  ["a flush with arguments", { opcode: Opcode.flush }, /does not know command/],
  ["a count of keys with arguments", { opcode: Opcode.slotKeys }, /does not know command/],
  ["a page of keys that is not asked for in its form", { opcode: Opcode.keyPage }, /does not know command/],
  ["a page of no keys", { opcode: Opcode.keyPage, args: [new Uint8Array(12)] }, /does not know command/],
  [
    "a page of keys with more than it takes",
    { opcode: Opcode.keyPage, args: [...PAGE, ...PAGE] },
    /does not know command/,
  ],
  ["an announcement for a shard", { opcode: Opcode.announce }, /does not know command/],
  ["too few arguments", { args: [utf8Bytes("foo")] }, /wrong number of arguments/],
  ["a long key", { args: [new Uint8Array(KEY_BYTES_MAX + 1), utf8Bytes("v")] }, /key is 1025 bytes long/],
  ["a command too large for an entry", { args: [utf8Bytes("foo"), new Uint8Array(COMMAND_BYTES_MAX)] }, /bytes long/],
  ["keys of another slot", { slot: slot(1) }, /another slot/],
])("%s is refused with a definite error", (_, given, text) => {
  expect(admitted(given)).toMatchObject({ type: "error", kind: "ERR", text: expect.stringMatching(text) });
});

test.each<[string, readonly Uint8Array[]]>([
  ["nothing", []],
  ["no JSON", [utf8Bytes("{")]],
  ["null", [utf8Bytes("null")]],
  ["no id", [announcement({ id: 1 })]],
  ["no boot counter", [announcement({ bootCounter: -1 })]],
  ["no addresses", [announcement({ addresses: undefined })]],
  ["a port that is none", [announcement({ addresses: { ...ADDRESSES, respPort: 65536 } })]],
  ["more than it takes", [announcement({}), announcement({})]],
])("an announcement that would stop the meta group is refused: %s", (_, args) => {
  const refused = admitted({ group: META_GROUP, opcode: Opcode.announce, args });
  expect(refused).toMatchObject({ type: "error", kind: "ERR", text: expect.stringMatching(/announcement/) });
});

test("a refused request can neither run as what it was nor bring a session to the meta group", () => {
  const answers: [unknown, Answer][] = [];
  const given = forward({ group: META_GROUP, origin: { session: 1, sequence: 1, ackedBelow: 1 } });
  const request = new ForwardedRequest(admitForward(given, commandByOpcode), given, SENDER, (to, answer) =>
    answers.push([to, answer]),
  );
  expect(request.spec).toBe(REFUSE);
  expect(request.origin).toBeUndefined();
  request.giveBack();
  request.retried();
  request.complete({ type: "nil" });
  expect(answers).toEqual([
    [SENDER, { id: 1, reply: undefined }],
    [SENDER, { id: 1, reply: { type: "nil" }, late: true }],
  ]);
});
