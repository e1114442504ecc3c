import { expect, test } from "vitest";
import { LOCAL_PASS_MS } from "../base/index.ts";
import type { FakeClient } from "./testing/fake-client.ts";
import { world } from "./testing/world.ts";

/** A clock that goes on whenever it is looked at: so long takes a command that the node answers itself. */
function busy(stepMs: number): ReturnType<typeof world> {
  let nowMs = 0;
  return world({}, { uptimeMs: () => (nowMs += stepMs) });
}

/** How many replies each has got since the last call. */
const got = (...clients: readonly FakeClient[]): number[] => clients.map((client) => client.take().length);

test("commands that the node answers itself have their time in a pass; then connections take turns", () => {
  const { node, client, another } = busy(LOCAL_PASS_MS);
  const other = another();
  client.sendRaw("INFO server\r\n".repeat(4));
  other.sendRaw("INFO server\r\nPING\r\n");
  // One uses up the time of a pass.
  expect(got(client, other)).toEqual([1, 0]);
  const rounds: number[][] = [];
  for (let passes = 0; passes < 5; passes += 1) {
    node.pass();
    rounds.push(got(client, other));
  }
  expect(rounds).toEqual([
    [1, 0],
    [0, 2],
    [1, 0],
    [1, 0],
    [0, 0],
  ]);
});

test("what is answered quickly, or by a shard, does not wait for them", () => {
  const { client, another } = busy(LOCAL_PASS_MS);
  client.sendRaw("INFO server\r\n".repeat(4));
  const other = another();
  expect(other.ask("PING")).toBe("PONG");
  other.send("SET", "k", "v");
  expect(got(other)).toEqual([1]);
});

test("EXEC of such commands is one of them", () => {
  const { node, client, another } = busy(LOCAL_PASS_MS);
  client.sendRaw("INFO server\r\nINFO server\r\n");
  const other = another();
  other.sendRaw("MULTI\r\nINFO server\r\nPING\r\nEXEC\r\nMULTI\r\nPING\r\nEXEC\r\n");
  expect(got(client, other)).toEqual([1, 3]);
  node.pass();
  expect(got(client, other)).toEqual([1, 0]);
  node.pass();
  expect(got(client, other)).toEqual([0, 4]);
});

test("a connection that closes while it waits leaves its turn to the others", () => {
  const { node, client, another } = busy(LOCAL_PASS_MS);
  const [gone, last] = [another(), another()];
  for (const each of [client, gone, last]) each.sendRaw("INFO server\r\nINFO server\r\n");
  gone.connection.onClose();
  expect(got(client, gone, last)).toEqual([1, 0, 0]);
  for (let passes = 0; passes < 3; passes += 1) node.pass();
  expect(got(client, gone, last)).toEqual([1, 0, 2]);
});

test("as long as there is time, nobody waits", () => {
  const { client } = busy(0);
  client.sendRaw("INFO server\r\n".repeat(1_000));
  expect(got(client)).toEqual([1_000]);
});
