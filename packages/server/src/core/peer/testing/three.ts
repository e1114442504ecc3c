import { expect } from "vitest";
import { utf8, utf8Bytes } from "../../base/index.ts";
import { TestCluster, type TestNode } from "./cluster.ts";

export const bytes = (text: string): Uint8Array => utf8Bytes(text);

/** The messages that a node was given, with their senders. */
export const texts = (node: TestNode): string[] =>
  node.messages.map((message) => `${message.from}: ${utf8(message.bytes)}`);

export interface Three {
  readonly cluster: TestCluster;
  readonly a: TestNode;
  readonly b: TestNode;
  readonly c: TestNode;
  readonly all: TestNode[];
}

/** Three nodes that have not been started. */
export function three(seed = 1): Three {
  const cluster = new TestCluster(seed);
  const a = cluster.node("a", "hostA:1");
  const b = cluster.node("b", "hostB:1");
  const c = cluster.node("c", "hostC:1");
  return { cluster, a, b, c, all: [a, b, c] };
}

export function startAll(nodes: readonly TestNode[], seeds: string[] = []): void {
  const plan = nodes.map((node) => node.planned());
  for (const node of nodes) node.start(plan, seeds);
}

export function expectAllUp(nodes: readonly TestNode[]): void {
  for (const node of nodes) for (const other of nodes) if (node !== other) expect(node.isUp(other)).toBe(true);
}
