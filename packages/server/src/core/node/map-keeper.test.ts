import { expect, test } from "vitest";
import { bootCounter, clusterId, directoryId, nodeId } from "../base/index.ts";
import { announceNode, type ClusterMap, emptyMap, type NodeInfo, type UserInfo } from "../meta/index.ts";
import { MapKeeper } from "./map-keeper.ts";

const base = emptyMap(clusterId("ab".repeat(20)));
const user = (name: string): UserInfo => ({ name, rules: "on" });

function info(boot: number, letter = "a"): NodeInfo {
  return {
    id: nodeId(letter.repeat(40)),
    name: letter,
    addresses: { host: "h", peerPort: 1, respPort: 2, clusterPort: 3, grpcPort: 4, httpPort: 5 },
    bootCounter: bootCounter(boot),
    directory: directoryId("d".repeat(40)),
  };
}

/** Of a node's third start. */
const keeperOf = (map: ClusterMap): MapKeeper =>
  new MapKeeper(
    info(3),
    map,
    () => {},
    () => {},
  );

test("a map is of now once it holds the announcement of this start, however new it is otherwise", () => {
  const nodes = new Map([info(0), info(0, "b")].map((node) => [node.id, node]));
  const keeper = keeperOf({ ...base, nodes });
  expect(keeper.isCurrent).toBe(false);
  // Of the start before, and of another node.
  keeper.update(announceNode(keeper.current, info(2), 5));
  keeper.update(announceNode(keeper.current, info(9, "b"), 6));
  expect(keeper.isCurrent).toBe(false);
  // It said so itself, and nobody who decides has heard.
  keeper.heard(info(3));
  expect(keeper.isCurrent).toBe(false);
  keeper.update(announceNode(keeper.current, info(3), 7));
  expect(keeper.isCurrent).toBe(true);
  keeper.update({ ...keeper.current, version: 8 });
  expect(keeper.isCurrent).toBe(true);
  // A map that does not know the node says nothing about its start.
  expect(keeperOf({ ...base, version: 9 }).isCurrent).toBe(false);
});

test("a node that shows an older map once more keeps the newer users", () => {
  const users = { version: 7, list: [user("a")] };
  const keeper = keeperOf({ ...base, users });
  keeper.update({ ...base, version: 5 });
  expect(keeper.current).toMatchObject({ version: 5, users });
  const older = { version: 6, list: [] };
  keeper.update({ ...base, version: 6, users: older });
  expect(keeper.current.users).toBe(users);
  const newer = { version: 8, list: [] };
  keeper.update({ ...base, version: 9, users: newer });
  expect(keeper.current.users).toBe(newer);
  // What a node was started with counts until there are users in the map.
  const started = keeperOf({ ...base, users: { version: 0, list: [user("b")] } });
  started.update({ ...base, version: 1 });
  expect(started.current.users?.list).toEqual([user("b")]);
  started.update({ ...base, version: 2, users: { version: 2, list: [] } });
  expect(started.current.users?.list).toEqual([]);
});
