import fc from "fast-check";
import { expect, test } from "vitest";
import { groupId, type NodeId, nodeId } from "../base/index.ts";
import { contactsNeeded, FirstContact } from "./first-contact.ts";

const node = (number: number): NodeId => nodeId(number.toString(16).padStart(40, "0"));
const [B, C, D, E] = [node(2), node(3), node(4), node(5)];

test("a replica of three begins when both others have met its node, of five when three of four have", () => {
  const begun: number[] = [];
  const contact = new FirstContact();
  contact.wait(groupId(1), [B, C], () => begun.push(1));
  contact.wait(groupId(2), [B, C, D, E], () => begun.push(2));
  contact.whenBegun(() => begun.push(0));
  contact.met(B);
  contact.met(B);
  expect(contact.unmet).toEqual([C, D, E]);
  contact.met(D);
  expect(begun).toEqual([]);
  contact.met(C);
  expect(begun).toEqual([1, 2, 0]);
  expect(contact.unmet).toEqual([]);
  contact.wait(groupId(3), [B, C], () => begun.push(3));
  expect(begun).toEqual([1, 2, 0, 3]);
  contact.whenBegun(() => begun.push(4));
  expect(begun).toEqual([1, 2, 0, 3, 4]);
});

test("one replica alone, and one of two, waits for nobody: there is no minority whose disk may be lost", () => {
  const begun: number[] = [];
  const contact = new FirstContact();
  contact.wait(groupId(1), [], () => begun.push(1));
  contact.wait(groupId(2), [B], () => begun.push(2));
  expect(begun).toEqual([1, 2]);
});

test("an emptied replica meets one that knew it, whoever else of a minority was emptied", () => {
  const cases = fc.integer({ min: 3, max: 9 }).chain((members) => {
    const others = Array.from({ length: members - 1 }, (_, at) => at);
    const some = fc.subarray(others, { minLength: contactsNeeded(members) });
    const emptied = fc.subarray(others, { maxLength: Math.floor((members - 1) / 2) - 1 });
    return fc.record({ before: some, after: some, emptied: emptied });
  });
  fc.assert(
    fc.property(cases, ({ before, after, emptied }) => {
      expect(before.some((other) => after.includes(other) && !emptied.includes(other))).toBe(true);
    }),
  );
});
