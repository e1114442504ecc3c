import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "transactions";
const QUICK: readonly CommandFlag[] = ["noscript", "loading", "stale", "fast"];

/** Group "transactions": the connection queues; what runs on the shard is in `transaction.ts`. */
export const multiCommands: readonly CommandSpec[] = [
  local({ name: "discard", arity: 1, flags: QUICK, since: "2.0.0", group, summary: "Forgets what MULTI has queued." }),
  local({
    name: "exec",
    arity: 1,
    flags: ["noscript", "loading", "stale", "skip_slowlog"],
    since: "1.2.0",
    group,
    summary: "Runs what MULTI has queued as one step, and answers with all replies; null if a watched key has changed.",
  }),
  local({
    name: "multi",
    arity: 1,
    flags: QUICK,
    since: "1.2.0",
    group,
    summary: "The commands that follow are queued until EXEC. Their keys are in one slot.",
  }),
  local({
    name: "unwatch",
    arity: 1,
    flags: QUICK,
    since: "2.2.0",
    group,
    summary: "Forgets what WATCH watches.",
  }),
  {
    ...local({
      name: "watch",
      arity: -2,
      flags: QUICK,
      since: "2.2.0",
      group,
      summary: "The next EXEC runs nothing if one of these keys, of its slot, has been changed since.",
    }),
    keys: { first: 1, last: -1, step: 1 },
  },
];
