import { describe, expect, test } from "vitest";
import { latin1Bytes } from "../base/index.ts";
import { MemoryEngine } from "./index.ts";
import { conformance, type EngineUnderTest, getText } from "./testing/conformance.ts";

const later = (run: () => void): void => {
  setImmediate(run);
};

const under = (engine: MemoryEngine): EngineUnderTest => ({
  engine,
  crash: async () => under(new MemoryEngine(later, engine.crash())),
  end: async () => undefined,
});

describe("the memory engine", () => {
  conformance(async () => under(new MemoryEngine(later)));

  test("a batch that had not taken effect is gone after a crash, whole", async () => {
    const events: (() => void)[] = [];
    const engine = new MemoryEngine((run) => events.push(run));
    const batch = engine.batch();
    batch.put(latin1Bytes("a"), latin1Bytes("1"));
    batch.put(latin1Bytes("b"), latin1Bytes("1"));
    batch.write(() => expect.unreachable("a crashed engine answers nothing"));
    const before = new MemoryEngine(later, engine.crash());
    for (const event of events) event();
    expect(await getText(before, "a", "b")).toEqual([undefined, undefined]);
  });
});
