import { expect, test } from "vitest";
import { RespError } from "./protocol/index.ts";
import { addressName, parseAddress, parseClusterSlots, SlotMap } from "./slot-map.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an address is what stands before and behind the last colon", () => {
  expect(parseAddress("10.0.0.1:7379", "x")).toEqual({ host: "10.0.0.1", port: 7379 });
  expect(parseAddress("::1:7379", "x")).toEqual({ host: "::1", port: 7379 });
  expect(parseAddress(":7379", "asked")).toEqual({ host: "asked", port: 7379 });
  expect(addressName({ host: "::1", port: 7379 })).toBe("::1:7379");
});

test.each(["", "host", "host:", "host:0", "host:65536", "host:7a"])("%j is no address", (name) => {
  expect(parseAddress(name, "asked")).toBeUndefined();
});

test("CLUSTER SLOTS names a leader and its replicas for each range", () => {
  const reply = [
    [0, 99, [utf8("10.0.0.1"), 7379, utf8("id-1")], [utf8("10.0.0.2"), 7380, utf8("id-2")]],
    [100, 16_383, [utf8(""), 7380, utf8("id-2")]],
    [7, 7, [null, 7381]],
  ];
  expect(parseClusterSlots(reply, "asked")).toEqual([
    { from: 0, to: 99, leader: { host: "10.0.0.1", port: 7379 }, replicas: [{ host: "10.0.0.2", port: 7380 }] },
    { from: 100, to: 16_383, leader: { host: "asked", port: 7380 }, replicas: [] },
    { from: 7, to: 7, leader: { host: "asked", port: 7381 }, replicas: [] },
  ]);
});

test("what is not such a reply is told, not thrown", () => {
  expect(parseClusterSlots(new RespError("ERR no cluster"), "h")).toBe("ERR no cluster");
  expect(parseClusterSlots("OK", "h")).toContain("not an array");
  for (const entry of [
    5,
    [0],
    [0, 16_384, [utf8("h"), 1]],
    [5, 4, [utf8("h"), 1]],
    [0, 1, []],
    [0, 1, [utf8("h"), 0]],
  ]) {
    expect(parseClusterSlots([entry], "h"), JSON.stringify(entry)).toContain("entry of CLUSTER SLOTS");
  }
});

test("a new map replaces all that was known, a MOVED one slot", () => {
  const one = { host: "a", port: 1 };
  const two = { host: "b", port: 2 };
  const map = new SlotMap();
  map.assign(3, one);
  expect([map.owner(3), map.owner(4), map.known]).toEqual([one, undefined, false]);
  map.replace([{ from: 4, to: 5, leader: two, replicas: [] }]);
  expect([3, 4, 5, 6].map((slot) => map.owner(slot))).toEqual([undefined, two, two, undefined]);
  expect(map.known).toBe(true);
});
