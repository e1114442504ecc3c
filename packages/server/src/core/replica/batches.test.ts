import { expect, test } from "vitest";
import { ENTRY_BYTES_TARGET, ENTRY_WEIGHT_MAX, latin1Bytes, slot, VALUE_BYTES_MAX } from "../base/index.ts";
import { type CommandSpec, commandByName } from "../command/index.ts";
import { BatchBuilder } from "./batches.ts";

function add(builder: BatchBuilder, line: string): void {
  const [name, ...words] = line.split(" ");
  const args = words.map(latin1Bytes);
  const spec = commandByName(latin1Bytes(name as string)) as CommandSpec;
  builder.add({ spec, args, slot: slot(0), redirect: false, stale: false, complete: () => undefined }, args, 1, 1);
}

test("small commands share an entry", () => {
  const builder = new BatchBuilder(() => 0);
  for (let n = 0; n < 1000; n += 1) add(builder, `setrange k${n} 1 x`);
  expect(builder.take(1)).toHaveLength(1);
  expect(builder.bytes).toBeLessThan(100);
});

test("an entry is as large as the values that a few of its bytes ask for: it is applied in one go", () => {
  const offsets = ["setrange k 8000000 x", "setbit k 64000000 1", "bitfield k set u8 64000000 1"];
  for (const line of offsets) {
    const builder = new BatchBuilder(() => 0);
    for (let n = 0; n < 3; n += 1) add(builder, line);
    add(builder, "setrange k 8000000 ");
    expect(builder.bytes, line).toBeGreaterThan(3 * 8_000_000);
    const batches = builder.take(1);
    expect(
      batches.map(({ requests }) => requests.length),
      line,
    ).toEqual([1, 1, 1, 1]);
    expect(builder.bytes, line).toBeLessThan(100);
  }
});

test("an entry ends before its commands would weigh more than an entry may", () => {
  const part = ENTRY_WEIGHT_MAX / 4;
  const builder = new BatchBuilder(
    (_, [key, suffix]) => (suffix?.length ?? 0) * ((key?.length ?? 0) > 1 ? 8 : 1) * part,
  );
  // Four parts fill an entry; one more, or a command that needs more than an entry may, has one of its own.
  for (const line of ["append a x", "append b xx", "append c x", "append d x", "append large x", "append e x"]) {
    add(builder, line);
  }
  expect(builder.commands).toBe(6);
  expect(builder.take(1).map(({ requests }) => requests.length)).toEqual([3, 1, 1, 1]);
  // What an entry before had does not count.
  for (let n = 0; n < 4; n += 1) add(builder, "append a x");
  expect(builder.take(1)).toHaveLength(1);
});

test("taking entries one by one gives their room back", () => {
  const builder = new BatchBuilder(() => 0);
  for (let n = 0; n < 4; n += 1) add(builder, `setrange k ${ENTRY_BYTES_TARGET / 2} x`);
  expect(builder.bytes).toBeGreaterThan(2 * ENTRY_BYTES_TARGET);
  expect(builder.takeFirst(1).requests).toHaveLength(2);
  expect(builder.bytes).toBeLessThan(VALUE_BYTES_MAX);
  expect(builder.takeFirst(1).requests).toHaveLength(2);
  expect(builder.empty).toBe(true);
  expect(builder.bytes).toBeLessThan(100);
});
