import { beforeEach, expect, test } from "vitest";
import {
  FORWARD_RETRY_MS,
  FORWARDS_INFLIGHT_MAX,
  groupId,
  LEADERLESS_HOLD_MS,
  type NodeId,
  nodeId,
  REQUEST_MS_MAX,
  slot,
  utf8,
  utf8Bytes,
} from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import { Opcode, Sessions } from "../machine/index.ts";
import type { Request, Rerouted } from "../replica/index.ts";
import { ForwardOut } from "./forward-out.ts";
import type { Forward } from "./messages.ts";

const GROUP = groupId(1);
const A = nodeId("a".repeat(40));
const B = nodeId("b".repeat(40));
const SPEC: CommandSpec = {
  name: "append",
  opcode: 99,
  arity: 2,
  flags: ["write"],
  keys: { first: 1, last: 1, step: 1 },
  since: "1.0.0",
  group: "test",
  summary: "",
};

/** A shard whose state survives its leaders: a list of what was applied, and the sessions. */
class Shard {
  readonly applied: string[] = [];
  readonly #sessions = new Sessions();
  #nextSession = 100;

  apply(forward: Forward): Reply {
    if (forward.opcode === Opcode.sessionOpen) {
      this.#nextSession += 1;
      this.#sessions.open(this.#nextSession, 0);
      return { type: "integer", value: this.#nextSession };
    }
    const { session, sequence, ackedBelow } = forward.origin!;
    const known = this.#sessions.admit(session, sequence, ackedBelow, 0);
    if (known !== undefined) return known;
    this.applied.push(utf8(forward.args[0]!));
    const reply: Reply = { type: "integer", value: this.applied.length };
    this.#sessions.store(session, sequence, forward.slot, reply);
    return reply;
  }
}

let now: number;
let leader: NodeId | undefined;
let sent: { to: NodeId; forward: Forward }[];
let replies: Map<string, Reply>;
let requeued: Rerouted[];
let shard: Shard;
let out: ForwardOut;

beforeEach(() => {
  now = 0;
  leader = A;
  sent = [];
  replies = new Map();
  requeued = [];
  shard = new Shard();
  let number = 0;
  out = new ForwardOut({
    nowMs: () => now,
    nextNumber: () => ++number,
    leaderNode: () => leader,
    deliver: (to, forward) => sent.push({ to, forward }),
    requeue: (_group, items) => requeued.push(...items),
  });
});

function write(name: string): void {
  const args = [utf8Bytes(name)];
  const complete = (reply: Reply): void => {
    expect(replies.has(name)).toBe(false);
    replies.set(name, reply);
  };
  const request: Request = { spec: SPEC, args, slot: slot(1), redirect: false, stale: false, complete };
  out.write(GROUP, request, args, now);
}

/** The leader takes what was sent to it and answers. */
function serve(count = sent.length): void {
  for (const { forward } of sent.splice(0, count)) out.onAnswer({ id: forward.id, reply: shard.apply(forward) });
}

/** It takes effect, but the answer never arrives. */
function applySilently(count: number): void {
  for (const { forward } of sent.splice(0, count)) shard.apply(forward);
}

const kinds = (): string[] => [...replies.values()].map((reply) => (reply.type === "error" ? reply.kind : reply.type));

test("writes go out in order in one session that is opened first", () => {
  write("w1");
  write("w2");
  expect(sent.map(({ forward }) => forward.opcode)).toEqual([Opcode.sessionOpen]);
  serve();
  serve();
  expect(shard.applied).toEqual(["w1", "w2"]);
  expect(replies.get("w2")).toEqual({ type: "integer", value: 2 });
});

test("the leader dies with writes applied but not answered: they are sent again and take effect once", () => {
  write("w1");
  serve();
  serve();
  write("w2");
  write("w3");
  applySilently(2);
  leader = undefined;
  out.onLinkDown(A);
  write("w4");
  leader = B;
  out.retarget(GROUP);
  expect(sent.every(({ to }) => to === B)).toBe(true);
  serve();
  expect(shard.applied).toEqual(["w1", "w2", "w3", "w4"]);
  expect(kinds()).toEqual(["integer", "integer", "integer", "integer"]);
  expect(replies.get("w3")).toEqual({ type: "integer", value: 3 });
});

test("a write that was lost on the way does not let later ones overtake it", () => {
  write("w1");
  serve();
  serve();
  write("w2");
  write("w3");
  sent.splice(0, 1);
  serve();
  expect(shard.applied).toEqual(["w1"]);
  out.tick();
  serve();
  expect(shard.applied).toEqual(["w1", "w2", "w3"]);
});

test("given back by a node that no longer leads, writes wait for the next leader", () => {
  write("w1");
  serve();
  leader = undefined;
  for (const { forward } of sent.splice(0)) out.onAnswer({ id: forward.id, reply: undefined });
  out.tick();
  expect(sent).toEqual([]);
  leader = B;
  out.retarget(GROUP);
  serve();
  expect(shard.applied).toEqual(["w1"]);
});

test("a late answer to an earlier attempt does not answer twice", () => {
  write("w1");
  serve();
  const first = sent.splice(0, 1)[0]!.forward;
  out.onLinkDown(A);
  out.retarget(GROUP);
  serve();
  out.onAnswer({ id: first.id, reply: shard.apply(first) });
  expect(shard.applied).toEqual(["w1"]);
  expect(replies.size).toBe(1);
});

test("without a leader: what was never sent is CLUSTERDOWN, what was sent is INDETERMINATE, each after its time", () => {
  write("sent");
  serve();
  sent.splice(0);
  leader = undefined;
  out.onLinkDown(A);
  write("unsent");
  now = LEADERLESS_HOLD_MS;
  out.tick();
  expect(replies.size).toBe(0);
  now = REQUEST_MS_MAX;
  out.tick();
  out.tick();
  expect(replies.get("sent")).toMatchObject({ kind: "INDETERMINATE" });
  expect(replies.get("unsent")).toMatchObject({ kind: "CLUSTERDOWN" });
});

test("a leader that is known but never opens a session: its writes are CLUSTERDOWN in time, and cost one question", () => {
  write("w1");
  write("w2");
  for (now = 0; now < REQUEST_MS_MAX; now += FORWARD_RETRY_MS) out.tick();
  expect(replies.size).toBe(0);
  now = REQUEST_MS_MAX - 1;
  write("young");
  sent.splice(0);
  now = REQUEST_MS_MAX;
  out.tick();
  expect([...replies.keys()]).toEqual(["w1", "w2"]);
  expect(kinds()).toEqual(["CLUSTERDOWN", "CLUSTERDOWN"]);
  expect(sent.length).toBe(1);
  serve();
  serve();
  expect(shard.applied).toEqual(["young"]);
});

test("a session that the shard has dropped: what may have run in it is INDETERMINATE, later writes run in a new one", () => {
  write("w1");
  serve();
  applySilently(1);
  out.onLinkDown(A);
  out.retarget(GROUP);
  shard = new Shard();
  serve();
  expect(replies.get("w1")).toMatchObject({ kind: "INDETERMINATE" });
  write("w2");
  serve();
  serve();
  expect(replies.get("w2")).toEqual({ type: "integer", value: 1 });
  expect(shard.applied).toEqual(["w2"]);
});

test("a first attempt that is refused for its session runs in a new one", () => {
  write("w1");
  serve();
  shard = new Shard();
  serve();
  serve();
  serve();
  expect(replies.get("w1")).toEqual({ type: "integer", value: 1 });
});

function read(name: string, to: NodeId = A): void {
  const args = [utf8Bytes(name)];
  const complete = (reply: Reply): void => void replies.set(name, reply);
  const request: Request = { spec: SPEC, args, slot: slot(1), redirect: false, stale: false, complete };
  out.read(GROUP, to, request, args, now);
}

const namesOf = (items: readonly Rerouted[]): string[] => items.map(({ args }) => utf8(args[0]!));

test("reads whose leader is lost find another way, in their order", () => {
  read("r1");
  read("r2");
  read("r3");
  out.onAnswer({ id: sent[1]!.forward.id, reply: { type: "nil" } });
  out.onLinkDown(B);
  expect(requeued).toEqual([]);
  out.onLinkDown(A);
  expect(namesOf(requeued)).toEqual(["r1", "r3"]);
  expect([...replies.keys()]).toEqual(["r2"]);
});

test("a read that is lost on a link is tried again soon, but not for ever", () => {
  read("r1");
  now = FORWARD_RETRY_MS - 1;
  out.tick();
  expect(requeued).toEqual([]);
  now = FORWARD_RETRY_MS;
  out.tick();
  expect(namesOf(requeued)).toEqual(["r1"]);
  // An answer to the first attempt is too late: the second one counts.
  out.onAnswer({ id: sent[0]!.forward.id, reply: { type: "nil" } });
  expect(replies.size).toBe(0);
  now = REQUEST_MS_MAX;
  const { request, args, bornMs } = requeued.splice(0)[0]!;
  out.read(GROUP, A, request, args, bornMs);
  out.tick();
  expect(requeued).toEqual([]);
  expect(replies.get("r1")).toMatchObject({ kind: "CLUSTERDOWN" });
});

test("reads that wait for their turn are not sent again; one that younger ones have overtaken is", () => {
  for (let n = 0; n < 4; n += 1) read(`r${n}`);
  // A leader that answers one read in almost the time after which silence counts as loss; the answer to r1 gets lost.
  for (const answered of [0, 2]) {
    now += FORWARD_RETRY_MS - 1;
    out.onAnswer({ id: sent[answered]!.forward.id, reply: { type: "nil" } });
    out.tick();
  }
  expect(requeued).toEqual([]);
  for (const [n, name] of ["young", "younger"].entries()) {
    expect(requeued).toEqual([]);
    read(name);
    now += FORWARD_RETRY_MS - 1;
    out.onAnswer({ id: sent[4 + n]!.forward.id, reply: { type: "nil" } });
    out.tick();
  }
  expect(namesOf(requeued)).toEqual(["r1", "r3"]);
  expect([...replies.keys()]).toEqual(["r0", "r2", "young", "younger"]);
});

test("a read whose reply nobody has room for goes back to its client; one of another kind is tried again", () => {
  const args = [utf8Bytes("k")];
  const postponed: number[] = [];
  const common = { spec: SPEC, args, slot: slot(1), redirect: false, stale: false, complete: () => {} };
  out.read(GROUP, A, { ...common, postpone: (bytes) => postponed.push(bytes) }, args, now);
  out.read(GROUP, A, common, args, now);
  for (const { forward } of sent) out.onAnswer({ id: forward.id, reply: undefined, tooLargeBytes: 5_000_000 });
  expect(postponed).toEqual([5_000_000]);
  expect(requeued).toEqual([]);
  out.returnGivenBack();
  expect(requeued.map(({ request }) => request)).toEqual([common]);
  expect(out.open).toBe(0);
});

test("reads that are given back go to the router together, once a pass, in the order in which they came back", () => {
  for (let n = 0; n < 3; n += 1) read(`r${n}`);
  for (const { forward } of sent) out.onAnswer({ id: forward.id, reply: undefined });
  expect(requeued).toEqual([]);
  out.returnGivenBack();
  expect(namesOf(requeued)).toEqual(["r0", "r1", "r2"]);
  out.returnGivenBack();
  expect(requeued).toHaveLength(3);
});

test("when the leader changes, reads under way to the old one do not wait for it", () => {
  read("r1");
  out.retarget(GROUP);
  expect(requeued).toEqual([]);
  leader = B;
  out.retarget(GROUP);
  expect(namesOf(requeued)).toEqual(["r1"]);
});

test("a read that the leader had to try again says so before its reply", () => {
  const args = [utf8Bytes("k")];
  const told: string[] = [];
  const request: Request = {
    spec: SPEC,
    args,
    slot: slot(1),
    redirect: false,
    stale: false,
    retried: () => void told.push("retried"),
    complete: () => void told.push("complete"),
  };
  out.read(GROUP, A, request, args, now);
  out.onAnswer({ id: sent[0]!.forward.id, reply: { type: "nil" }, late: true });
  expect(told).toEqual(["retried", "complete"]);
});

test("a session's opening that is lost on the way is sent again", () => {
  write("w1");
  sent.splice(0);
  now = FORWARD_RETRY_MS;
  out.tick();
  serve();
  serve();
  expect(replies.get("w1")).toEqual({ type: "integer", value: 1 });
});

test("a write whose answer was lost is sent again and answered with what became of it", () => {
  write("w1");
  serve();
  applySilently(1);
  now = FORWARD_RETRY_MS;
  out.tick();
  serve();
  expect(shard.applied).toEqual(["w1"]);
  expect(replies.get("w1")).toEqual({ type: "integer", value: 1 });
});

test("a leader that does not know the outcome is asked again; those behind it do not wait for ever", () => {
  write("w1");
  serve();
  write("w2");
  for (const { forward } of sent.splice(0)) {
    out.onAnswer({ id: forward.id, reply: { type: "error", kind: "INDETERMINATE", text: "" } });
  }
  out.tick();
  serve();
  serve();
  expect(shard.applied).toEqual(["w1", "w2"]);
  expect(kinds()).toEqual(["integer", "integer"]);
});

test("what is held is bounded, and released when it is answered or refused", () => {
  for (let i = 1; i < FORWARDS_INFLIGHT_MAX; i += 1) write(`w${i}`);
  expect(out.full).toBe(false);
  write("last");
  expect(out.full).toBe(true);
  leader = undefined;
  out.onLinkDown(A);
  now = REQUEST_MS_MAX;
  out.tick();
  expect(replies.size).toBe(FORWARDS_INFLIGHT_MAX);
  expect(out.full).toBe(false);
});
