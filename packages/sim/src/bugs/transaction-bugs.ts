import { ByteReader, concatBytes } from "sherd/core/base";
import type { CommandContext, CommandSpec } from "sherd/core/command";
import type { CommandOf, Sabotage } from "../node/index.ts";

type Run = NonNullable<CommandSpec["run"]>;

/** Every EXEC that writes is run by what `change` makes of it. */
const execs =
  (change: (run: Run) => Run) =>
  (commandOf: CommandOf): CommandOf =>
  (opcode) => {
    const spec = commandOf(opcode);
    if (spec?.run === undefined || spec.name !== "exec" || !spec.flags.includes("write")) return spec;
    return { ...spec, run: change(spec.run) };
  };

/** EXEC does not look at the versions of what is watched. */
export const watchIgnored: Sabotage = {
  commands: execs((run) => (context, slot, [argument, ...rest]) => {
    return run(context, slot, [withoutWatched(argument as Uint8Array), ...rest]);
  }),
};

/** docs/formats/entry.md: u8 version, u32 count of watched keys (block key, u64 version of its row), commands. */
function withoutWatched(argument: Uint8Array): Uint8Array {
  const input = new ByteReader(argument);
  const version = input.u8();
  for (let left = input.u32(); left > 0; left -= 1) {
    input.block();
    input.u64();
  }
  return concatBytes([new Uint8Array([version, 0, 0, 0, 0]), input.take(input.remaining)]);
}

/** Of the keys that a transaction writes, only the first one is written. */
export const transactionHalfDone: Sabotage = {
  commands: execs((run) => (context, slot, args) => {
    let written: string | undefined;
    const once = (key: string): boolean => {
      written ??= key;
      return written === key;
    };
    const half: CommandContext = {
      nowMs: context.nowMs,
      version: context.version,
      get: (...place) => context.get(...place),
      head: (...place) => context.head(...place),
      put: (at, key, row) => (once(key) ? context.put(at, key, row) : undefined),
      delete: (at, key) => once(key) && context.delete(at, key),
      latin1: (bytes) => context.latin1(bytes),
      lengthOf: (...place) => context.lengthOf(...place),
      worked: (bytes) => context.worked(bytes),
    };
    return run(half, slot, args);
  }),
};
