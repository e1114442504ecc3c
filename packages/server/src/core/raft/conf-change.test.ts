import fc from "fast-check";
import { expect, test } from "vitest";
import { replicaId } from "../base/index.ts";
import { decodeConfChange, encodeConfChange, leaveJoint } from "./index.ts";

const change = fc.record({
  kind: fc.constantFrom("addVoter" as const, "addLearner" as const, "remove" as const),
  replica: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(replicaId),
});

test("what is encoded is decoded again", () => {
  const changes = fc.array(change, { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(
      changes,
      fc.constantFrom("auto" as const, "joint" as const, "explicit" as const),
      (list, transition) => {
        expect(decodeConfChange(encodeConfChange(list, transition))).toEqual({ transition, changes: list });
      },
    ),
  );
});

test("leaving a joint configuration is a change without changes", () => {
  expect(decodeConfChange(leaveJoint())).toEqual({ transition: "auto", changes: [] });
});

test("garbage is undefined, never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void decodeConfChange(bytes)),
    { numRuns: 5_000 },
  );
  expect(decodeConfChange(Uint8Array.of(0x12, 0x05, 0x08))).toBeUndefined();
});
