import type { CommandContext, CommandSpec } from "sherd/core/command";
import type { CommandOf, Sabotage } from "../node/index.ts";

/** A key has ended when the clock of the machine says so that applies the entry: another one for each replica. */
export const expiryByLocalClock: Sabotage = {
  commands: (commandOf, wallMs) => {
    const judged: CommandOf = (opcode) => {
      const spec = commandOf(opcode);
      return spec?.run === undefined ? spec : { ...spec, run: judgedBy(wallMs, spec.run) };
    };
    return judged;
  },
};

function judgedBy(wallMs: () => number, run: NonNullable<CommandSpec["run"]>): NonNullable<CommandSpec["run"]> {
  return (context, slot, args) => {
    const view: CommandContext = {
      nowMs: context.nowMs,
      version: context.version,
      get(...place) {
        const row = context.get(...place);
        return row && row.expiresAtMs !== 0 && row.expiresAtMs <= wallMs() ? null : row;
      },
      head(...place) {
        const row = context.head(...place);
        return row && row.expiresAtMs !== 0 && row.expiresAtMs <= wallMs() ? null : row;
      },
      put: (...place) => context.put(...place),
      delete(...place) {
        const ended = view.get(...place) === null;
        return context.delete(...place) && !ended;
      },
      latin1: (bytes) => context.latin1(bytes),
      lengthOf: (...place) => context.lengthOf(...place),
      worked: (bytes) => context.worked(bytes),
    };
    return run(view, slot, args);
  };
}
