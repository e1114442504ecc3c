import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SherdError, slot, utf8Bytes } from "../base/index.ts";
import { type CommandOrigin, EntryDecoder, EntryEncoder } from "./entry.ts";

const golden = fileURLToPath(new URL("golden/entry.hex", import.meta.url));
const origin: CommandOrigin = { session: 8193, sequence: 7, ackedBelow: 5 };

function decode(bytes: Uint8Array) {
  const decoder = new EntryDecoder();
  decoder.open(bytes, "shard 1, index 1");
  const commands = [];
  while (decoder.next()) commands.push({ ...decoder.command, args: decoder.command.args.map((arg) => [...arg]) });
  return { timeMs: decoder.logTimeMs, commands };
}

test("the bytes of an entry are those of the golden file", () => {
  const encoder = new EntryEncoder();
  encoder.add(2, slot(12182), undefined, [utf8Bytes("foo"), utf8Bytes("bar")]);
  encoder.add(3, slot(5061), origin, [utf8Bytes("bar"), new Uint8Array([0, 255])]);
  const hex = Buffer.from(encoder.finish(1_700_000_000_123)).toString("hex");
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, `${hex}\n`);
  expect(`${hex}\n`).toBe(readFileSync(golden, "utf8"));
});

const bytes = fc.uint8Array({ maxLength: 60 });
const command = fc.record({
  opcode: fc.integer({ min: 1, max: 0xffff }),
  slot: fc.integer({ min: 0, max: 16383 }),
  origin: fc.option(
    fc.record({
      session: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      sequence: fc.nat(),
      ackedBelow: fc.nat(),
    }),
    { nil: undefined },
  ),
  args: fc.array(bytes, { maxLength: 5 }),
});

test("what was encoded is decoded, in order", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), fc.nat(2 ** 42), (commands, timeMs) => {
      const encoder = new EntryEncoder();
      for (const one of commands) encoder.add(one.opcode, slot(one.slot), one.origin, one.args);
      const back = decode(encoder.finish(timeMs));
      expect(encoder.count).toBe(0);
      expect(back.timeMs).toBe(timeMs);
      expect(back.commands).toEqual(
        commands.map((one) => ({
          opcode: one.opcode,
          slot: one.slot,
          session: one.origin?.session ?? 0,
          sequence: one.origin?.sequence ?? 0,
          ackedBelow: one.origin?.ackedBelow ?? 0,
          args: one.args.map((arg) => [...arg]),
        })),
      );
    }),
  );
});

test("damaged entries are refused with a code, never misread past their end", () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 5 }), fc.nat(), fc.boolean(), (commands, at, longer) => {
      const encoder = new EntryEncoder();
      for (const one of commands) encoder.add(one.opcode, slot(one.slot), one.origin, one.args);
      const whole = encoder.finish(1);
      const damaged = longer ? new Uint8Array([...whole, 1]) : whole.slice(0, at % whole.length);
      expect(() => decode(damaged)).toThrow(SherdError);
    }),
  );
});
