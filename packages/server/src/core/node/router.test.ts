import { beforeEach, expect, test } from "vitest";
import { groupId, LEADERLESS_HOLD_MS, type NodeId, nodeId, slot, utf8, utf8Bytes } from "../base/index.ts";
import { type CommandSpec, commandByName, type ErrorReply, type Reply } from "../command/index.ts";
import { Opcode } from "../machine/index.ts";
import type { Replica, Request } from "../replica/index.ts";
import { Router } from "./router.ts";

const GROUP = groupId(1);
const OTHER = nodeId("b".repeat(40));
const SET = commandByName(utf8Bytes("set")) as CommandSpec;
const GET = commandByName(utf8Bytes("get")) as CommandSpec;
const REFUSAL: ErrorReply = { type: "error", kind: "MISCONF", text: "no room" };

/** What the router sees of the replica here, and what it gave to it. */
interface FakeReplica {
  leads: boolean;
  accepts: boolean;
  unsettled: boolean;
  readonly given: string[];
  /** When the reads among them came. */
  readonly bornMs: number[];
}

let now: number;
let replica: FakeReplica | undefined;
let remote: NodeId | undefined;
let refusal: ErrorReply | undefined;
let forwarded: string[];
/** `name reply`, in the order of their completion. */
let done: string[];
let proposed: Request[];
let router: Router;

beforeEach(() => {
  now = 0;
  replica = { leads: true, accepts: true, unsettled: false, given: [], bornMs: [] };
  remote = undefined;
  refusal = undefined;
  forwarded = [];
  done = [];
  proposed = [];
  router = new Router({
    nowMs: () => now,
    replicaOf: () => replicaHere(),
    remoteLeader: () => remote,
    redirectAddress: () => "10.0.0.2:7379",
    refusalOf: () => refusal,
    forward: (_group, _request, args) => void forwarded.push(utf8(args[0]!)),
    forwardsFull: () => false,
    forwardsWrites: () => false,
  });
});

function replicaHere(): Replica | undefined {
  if (replica === undefined) return undefined;
  const { given, bornMs } = replica;
  return {
    ...replica,
    submitWrite: (request: Request, args: readonly Uint8Array[]) => {
      proposed.push(request);
      given.push(utf8(args[0]!));
    },
    submitRead: (_request: Request, args: readonly Uint8Array[], atMs: number) => {
      given.push(utf8(args[0]!));
      bornMs.push(atMs);
    },
  } as unknown as Replica;
}

const shown = (reply: Reply): string => (reply.type === "error" ? reply.kind : reply.type);

function client(name: string, spec: CommandSpec = SET): Request {
  const complete = (reply: Reply): void => void done.push(`${name} ${shown(reply)}`);
  const retried = (): void => void done.push(`${name} retried`);
  const args = [utf8Bytes(name), utf8Bytes("v")];
  return { spec, args, slot: slot(1), redirect: false, stale: false, complete, retried };
}

/** As this node forwards to itself. */
function own(name: string, origin = { session: 1, sequence: 1, ackedBelow: 1 }): Request {
  const giveBack = (): void => void done.push(`${name} given back`);
  return { ...client(name), origin, giveBack };
}

const route = (request: Request): void => router.route(GROUP, request, request.args);
const routeOwn = (request: Request): void => router.routeOwn(GROUP, request, request.args);

test("what this node forwarded to itself does not queue behind requests that wait for its answer", () => {
  replica!.leads = false;
  route(client("waits"));
  replica!.leads = true;
  routeOwn(own("own"));
  expect(replica!.given).toEqual(["own"]);
  router.drain(GROUP);
  expect(replica!.given).toEqual(["own", "waits"]);
});

test("what this node forwarded to itself is given back when it does not lead, or cannot take more now", () => {
  replica!.accepts = false;
  routeOwn(own("no room"));
  replica!.leads = false;
  routeOwn(own("not led"));
  replica = undefined;
  routeOwn(own("not here"));
  remote = OTHER;
  routeOwn(own("led elsewhere"));
  expect(done).toEqual(["no room given back", "not led given back", "not here given back", "led elsewhere given back"]);
  expect(router.waiting).toBe(0);
  expect(forwarded).toEqual([]);
});

test("a leader refuses a client's command at once, one of a session by a proposal in its place", () => {
  refusal = REFUSAL;
  route(client("direct"));
  expect(done).toEqual(["direct MISCONF"]);
  expect(replica!.given).toEqual([]);
  const origin = { session: 9, sequence: 4, ackedBelow: 3 };
  routeOwn(own("forwarded", origin));
  expect(replica!.given).toEqual(["MISCONF"]);
  expect(proposed[0]).toMatchObject({ origin, spec: { opcode: Opcode.refuse }, slot: slot(1) });
  proposed[0]!.complete(REFUSAL);
  proposed[0]!.giveBack!();
  expect(done.slice(1)).toEqual(["forwarded MISCONF", "forwarded given back"]);
});

test("only the leader refuses: elsewhere a command finds its way", () => {
  refusal = REFUSAL;
  replica!.leads = false;
  remote = OTHER;
  route(client("w1"));
  expect(forwarded).toEqual(["w1"]);
});

test("what comes back goes before what waits, in its order, and reads are told that they are tried again", () => {
  replica!.leads = false;
  route(client("later"));
  const items = [client("r1", GET), client("r2", GET)].map((request) => ({ request, args: request.args, bornMs: 0 }));
  router.requeue(GROUP, items);
  expect(done).toEqual(["r1 retried", "r2 retried"]);
  replica!.leads = true;
  router.drain(GROUP);
  expect(replica!.given).toEqual(["r1", "r2", "later"]);
  expect(router.waiting).toBe(0);
});

test("without a leader a request is refused after its time, counted from when it first came", () => {
  replica!.leads = false;
  now = 1_000;
  route(client("young"));
  const old = client("old", GET);
  router.requeue(GROUP, [{ request: old, args: old.args, bornMs: 0 }]);
  now = LEADERLESS_HOLD_MS;
  router.tick();
  expect(done).toEqual(["old retried", "old CLUSTERDOWN"]);
  expect(router.waiting).toBe(1);
});

test("a read that waits for its way is as old as when it came", () => {
  replica!.accepts = false;
  now = 1_000;
  route(client("waits", GET));
  replica!.accepts = true;
  now = 1_500;
  router.drain(GROUP);
  route(client("comes", GET));
  expect(replica!.given).toEqual(["waits", "comes"]);
  expect(replica!.bornMs).toEqual([1_000, 1_500]);
});
