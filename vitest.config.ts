import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Tests run the TypeScript sources, so that a stale build can never pass for the code under test. */
const alias = [
  { find: /^@sherd\/client\/protocol$/, replacement: source("packages/client/src/protocol/index.ts") },
  { find: /^@sherd\/client$/, replacement: source("packages/client/src/index.ts") },
  { find: /^sherd\/core\/(.*)$/, replacement: source("packages/server/src/core/$1/index.ts") },
  { find: /^@sherd\/sim\/(.*)$/, replacement: source("packages/sim/src/$1/index.ts") },
  { find: /^sherd$/, replacement: source("packages/server/src/index.ts") },
];

/** Scenarios on real processes that hold them to a time. */
const TIMED = ["test/e2e/{failover,forwarded-reads,peer-kill,start}.test.ts"];
/** The limits are for tests that are stuck. A shared machine's disk may take half a second for a sync; that is no failure. */
const PROCESSES = { testTimeout: 300_000, hookTimeout: 180_000, pool: "forks", maxWorkers: 2 } as const;

export default defineConfig({
  resolve: { alias },
  test: {
    // On a shared CI machine a process may stand still for longer than a test can wait. More attempts there, and the
    // reporter names each test that needed it: it is noticed, not hidden. Locally a failure is a failure.
    retry: process.env["CI"] === "true" ? 2 : 0,
    // A second, by default: on a machine that is busy, what a test waits for may take longer.
    expect: { poll: { timeout: 20_000 } },
    reporters: ["default", source("scripts/closing-line-reporter.ts")],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts"],
          testTimeout: 30_000,
          pool: "forks",
          // By default vitest leaves one processor to itself.
          maxWorkers: availableParallelism(),
          // Nearly half of the time went into a new process and the imports of each file. Nothing here keeps global state.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/**/*.test.ts"],
          exclude: TIMED,
          ...PROCESSES,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // One file at a time, or they measure each other.
        extends: true,
        test: {
          name: "e2e-timed",
          include: TIMED,
          ...PROCESSES,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
