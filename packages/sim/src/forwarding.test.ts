import { latin1Bytes, type NodeId, observeMarks, slot } from "sherd/core/base";
import { type CommandSpec, commandByName, type Reply } from "sherd/core/command";
import { expect, test } from "vitest";
import { type Machine, replaceMethods } from "./node/index.ts";
import { Story } from "./testing/story.ts";

const SLOT_OF_K = slot(7629);

/** A command on the key `k`, given to a node; the reply as it is, once it is there. */
function ask(to: Machine, name: "set" | "get" | "del" | "incr"): { reply: Reply | undefined } {
  const answer: { reply: Reply | undefined } = { reply: undefined };
  const args = (name === "set" ? ["k", "v"] : ["k"]).map(latin1Bytes);
  const spec = commandByName(latin1Bytes(name)) as CommandSpec;
  const complete = (reply: Reply): void => {
    expect(answer.reply).toBeUndefined();
    answer.reply = reply;
  };
  to.process?.run(() => to.node?.execute({ spec, args, slot: SLOT_OF_K, redirect: false, stale: false, complete }));
  return answer;
}

const OK = { type: "simple", text: "OK" };

test("a leader whose disk is nearly full refuses a forwarded write at once, keeps its shard, and takes deletes", () => {
  const story = new Story(11n);
  const leader = story.leader();
  const [other] = story.others(leader) as [Machine];
  const before = ask(other, "set");
  story.waitUntil("it is written", () => before.reply !== undefined);
  expect(before.reply).toEqual(OK);
  // All disks: nobody would be better off as the leader.
  for (const machine of story.cluster.machines) if (machine.node !== undefined) machine.node.diskFull = true;
  const answers = [ask(other, "set"), ask(other, "del"), ask(other, "set")];
  story.pass(100);
  expect(answers.map(({ reply }) => reply)).toEqual([
    expect.objectContaining({ kind: "MISCONF" }),
    { type: "integer", value: 1 },
    expect.objectContaining({ kind: "MISCONF" }),
  ]);
  story.pass(5_000);
  expect(story.leaders()).toEqual([leader]);
  for (const machine of story.cluster.machines) if (machine.node !== undefined) machine.node.diskFull = false;
  const after = ask(other, "set");
  story.pass(100);
  expect(after.reply).toEqual(OK);
});

test("a node whose disk is nearly full forwards to a leader that has room", () => {
  const story = new Story(12n);
  const [full] = story.others(story.leader()) as [Machine];
  if (full.node !== undefined) full.node.diskFull = true;
  const write = ask(full, "set");
  story.pass(100);
  expect(write.reply).toEqual(OK);
});

/** The messages of forwarded commands, with their opcode changed as if a node of another version had sent them. */
const FORWARD = 3;
const OPCODE_AT = 1 + 8 + 4;
const UNKNOWN_OPCODE = 0x7abc;

test("a leader that does not know a forwarded command says so at once; the session goes on", () => {
  let rewrite = false;
  const story = new Story(13n, {
    links: (links) => ({
      send(to: NodeId, message: Uint8Array) {
        const view = new DataView(message.buffer, message.byteOffset);
        // Not the one that opens the session.
        if (rewrite && message[0] === FORWARD && view.getUint16(OPCODE_AT, true) < 0xff00) {
          view.setUint16(OPCODE_AT, UNKNOWN_OPCODE, true);
        }
        links.send(to, message);
      },
      flush: () => links.flush(),
      queuedBytes: (node) => links.queuedBytes(node),
      isUp: (node) => links.isUp(node),
    }),
  });
  const [other] = story.others(story.leader()) as [Machine];
  rewrite = true;
  const [set, get] = [ask(other, "set"), ask(other, "get")];
  story.pass(100);
  expect(set.reply).toMatchObject({ kind: "ERR", text: expect.stringContaining(`command ${UNKNOWN_OPCODE}`) });
  expect(get.reply).toMatchObject({ kind: "ERR" });
  rewrite = false;
  const write = ask(other, "set");
  story.pass(100);
  expect(write.reply).toEqual(OK);
});

test("a forwarded write that arrives once more, when its reply was acknowledged long ago, takes no effect", () => {
  const sent: { readonly send: () => void; readonly bytes: Uint8Array }[] = [];
  const story = new Story(14n, {
    links: (links) =>
      replaceMethods(links, {
        send(to: NodeId, message: Uint8Array) {
          const bytes = message.slice();
          if (bytes[0] === FORWARD) sent.push({ send: () => links.send(to, bytes.slice()), bytes });
          links.send(to, message);
        },
      }),
  });
  const [other] = story.others(story.leader()) as [Machine];
  const counted = (): unknown => {
    const answer = ask(other, "incr");
    story.pass(100);
    return answer.reply;
  };
  expect(counted()).toEqual({ type: "integer", value: 1 });
  const first = sent.findLast(({ bytes }) => new DataView(bytes.buffer).getUint16(OPCODE_AT, true) < 0xff00);
  expect(counted()).toEqual({ type: "integer", value: 2 });
  expect(counted()).toEqual({ type: "integer", value: 3 });
  const seen: string[] = [];
  observeMarks((name) => seen.push(name));
  other.process?.run(() => {
    first?.send();
    other.node?.env.requestPass();
  });
  story.pass(100);
  observeMarks(undefined);
  expect(seen).toContain("session: acknowledged command again");
  expect(counted()).toEqual({ type: "integer", value: 4 });
});
