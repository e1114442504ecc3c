import { Connections } from "../connections.ts";
import type { ServerFacts } from "../types.ts";
import { FakeClient, type Shown, testFacts } from "./fake-client.ts";
import { FakeNode, type FakeNodeOptions } from "./fake-node.ts";

/** A node's front with clocks that a test moves. */
export interface World {
  readonly node: FakeNode;
  readonly connections: Connections;
  readonly client: FakeClient;
  /** `redirect`: on the cluster port. */
  another(redirect?: boolean): FakeClient;
  /** All clocks move, and there is a tick. */
  after(ms: number): void;
  /** All clocks move, and there is a pass. */
  pass(afterMs: number): void;
}

export const WALL_MS = 1_700_000_000_000;

export function world(options: FakeNodeOptions = {}, facts: Partial<ServerFacts> = {}): World {
  // Not 0: ticks begin anywhere.
  let nowMs = 5_000;
  const node = new FakeNode(options);
  const connections = new Connections(node, {
    ...testFacts,
    wallMs: () => WALL_MS + nowMs,
    uptimeMs: () => nowMs,
    ...facts,
  });
  node.tick(nowMs);
  return {
    node,
    connections,
    client: new FakeClient(connections),
    another: (redirect = false) => new FakeClient(connections, redirect),
    after(ms) {
      nowMs += ms;
      node.tick(nowMs);
    },
    pass(afterMs) {
      nowMs += afterMs;
      node.pass();
    },
  };
}

/** The fields of a line of CLIENT LIST. */
export const fieldsOf = (line: Shown): Record<string, string> =>
  Object.fromEntries(
    (line as string)
      .trim()
      .split(" ")
      .map((field) => field.split("=") as [string, string]),
  );

/** `name:value` of INFO. */
export const infoOf = (text: Shown): Record<string, string> =>
  Object.fromEntries(
    (text as string)
      .split("\r\n")
      .filter((line) => line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
