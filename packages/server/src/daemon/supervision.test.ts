import { expect, test } from "vitest";
import { RESTART_BACKOFF_MS, SERVED_WELL_MS } from "./limits.ts";
import { EXIT_CLEAN, EXIT_FAILED, EXIT_REFUSED, Supervision } from "./supervision.ts";

const limits = { silentLooksMax: 3, silentLooksStartingMax: 10 };
const started = (): Supervision => new Supervision("node-1", limits);
const delayOf = (orders: ReturnType<Supervision["exited"]>): number | undefined =>
  orders.find((order) => order.kind === "start")?.afterMs;

test("a node that served well and crashed is started again at once", () => {
  const node = started();
  node.ready(1_000);
  expect(node.state).toBe("serving");
  expect(node.exited(1_000 + SERVED_WELL_MS, null, "SIGKILL")).toEqual([
    { kind: "say", text: "node-1 ended by SIGKILL; starting it again now" },
    { kind: "start", afterMs: 0 },
  ]);
  expect(node.state).toBe("starting");
});

test("a node that ends again and again waits longer each time, up to a bound, and never for ever", () => {
  const node = started();
  const delays = Array.from({ length: 10 }, () => delayOf(node.exited(0, EXIT_FAILED, null)));
  expect(delays.slice(0, RESTART_BACKOFF_MS.length)).toEqual(RESTART_BACKOFF_MS);
  expect(new Set(delays.slice(RESTART_BACKOFF_MS.length))).toEqual(new Set([RESTART_BACKOFF_MS.at(-1)]));
});

test("serving for a moment does not earn an immediate restart, serving well does", () => {
  const node = started();
  expect(delayOf(node.exited(0, EXIT_FAILED, null))).toBe(0);
  node.ready(100);
  expect(delayOf(node.exited(200, null, "SIGSEGV"))).toBe(RESTART_BACKOFF_MS[1]);
  node.ready(1_000);
  expect(delayOf(node.exited(1_000 + SERVED_WELL_MS, null, "SIGSEGV"))).toBe(0);
});

test("an end with code 0 that nobody asked for is a crash too", () => {
  const node = started();
  node.ready(0);
  expect(delayOf(node.exited(SERVED_WELL_MS, EXIT_CLEAN, null))).toBe(0);
});

test("a node that refuses to start is left alone", () => {
  const node = started();
  expect(node.exited(0, EXIT_REFUSED, null)).toEqual([
    { kind: "say", text: "node-1 is not started again until that is put right" },
  ]);
  expect(node.state).toBe("refused");
  expect(node.look()).toEqual([]);
});

test("a serving node that falls silent is killed once, and then started again", () => {
  const node = started();
  node.ready(0);
  node.heartbeat();
  for (let look = 0; look < limits.silentLooksMax; look += 1) expect(node.look()).toEqual([]);
  expect(node.look().map((order) => order.kind)).toEqual(["say", "kill"]);
  expect(node.look()).toEqual([]);
  expect(delayOf(node.exited(SERVED_WELL_MS, null, "SIGKILL"))).toBe(0);
  for (let look = 0; look < limits.silentLooksMax; look += 1) expect(node.look()).toEqual([]);
});

test("a heartbeat ends the silence", () => {
  const node = started();
  node.ready(0);
  for (let look = 0; look < 50; look += 1) {
    expect(node.look()).toEqual([]);
    if (look % limits.silentLooksMax === 0) node.heartbeat();
  }
});

test("a node that recovers may be silent for longer than one that serves", () => {
  const node = started();
  for (let look = 0; look < limits.silentLooksStartingMax; look += 1) expect(node.look()).toEqual([]);
  expect(node.look().map((order) => order.kind)).toEqual(["say", "kill"]);
});

test("a node that was told to stop is neither killed for silence nor started again", () => {
  const node = started();
  node.ready(0);
  node.stopping();
  for (let look = 0; look < 20; look += 1) expect(node.look()).toEqual([]);
  expect(node.exited(100, EXIT_CLEAN, null)).toEqual([]);
  node.ready(200);
  expect(node.state).toBe("stopped");
});
