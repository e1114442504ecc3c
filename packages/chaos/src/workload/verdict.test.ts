import { Random } from "@sherd/sim/world";
import { expect, test } from "vitest";
import type { Caller, Told, Value } from "../clients/index.ts";
import { deletesHalf, deniesWrites, forgets, losesWrites, sendsTwice, staleOnce } from "../testing/liars.ts";
import { Gaps } from "./gaps.ts";
import { KeyRing } from "./key-ring.ts";
import { readKeys } from "./read-keys.ts";
import { Recorder } from "./recorder.ts";
import { checkHistories, type Verdicts } from "./verdict.ts";
import { Worker, type Workload } from "./worker.ts";

const OPERATIONS = 400;
const EVERYWHERE = { host: "", port: 0 };
const WHOLE = [[{ from: 0, to: 16_383, leader: EVERYWHERE, replicas: [] }]];

/** A store that does what it should. */
class Honest implements Caller {
  readonly kind = "honest";
  readonly keepsOrder = false;
  readonly #rows = new Map<string, string>();

  async call(_key: string, [name, ...args]: readonly string[]): Promise<Told> {
    return { outcome: "done", value: this.#do(name as string, args) };
  }

  reconnect(): void {}

  close(): void {}

  #do(name: string, args: readonly string[]): Value {
    const [key, argument = "", only] = args as [string, string?, string?];
    const before = this.#rows.get(key);
    switch (name) {
      case "SET":
        if (only !== undefined && (only === "xx") !== this.#rows.has(key)) return null;
        this.#rows.set(key, argument);
        return "OK";
      case "DEL":
        return args.filter((one) => this.#rows.delete(one)).length;
      case "EXISTS":
        return args.filter((one) => this.#rows.has(one)).length;
      case "MSET":
        for (let at = 0; at < args.length; at += 2) this.#rows.set(args[at]!, args[at + 1]!);
        return "OK";
      case "MGET":
        return args.map((one) => this.#rows.get(one) ?? null);
      case "INCR":
        this.#rows.set(key, String(Number(before ?? 0) + 1));
        return Number(before ?? 0) + 1;
      case "APPEND":
        this.#rows.set(key, (before ?? "") + argument);
        return (before ?? "").length + argument.length;
      default:
        return before ?? null;
    }
  }
}

/** Two clients, one of which goes through `disguise`; then every key is read honestly, and all of it is judged. */
async function judged(disguise: (honest: Caller) => Caller): Promise<Verdicts> {
  const honest = new Honest();
  const recorder = new Recorder();
  const gaps = new Gaps(1, 0);
  const workload: Workload = {
    recorder,
    keys: new KeyRing(WHOLE),
    gaps,
    thinkMs: [0, 0],
    nodes: { placed: [], generation: 0 },
  };
  const random = new Random(4n);
  const workers = [honest, disguise(honest)].map(
    (caller, at) => new Worker(`client-${at}`, caller, random.stream(`${at}`), workload),
  );
  const loops = workers.map((worker) => worker.run());
  await expect.poll(() => recorder.operations, { timeout: 20_000 }).toBeGreaterThan(OPERATIONS);
  for (const worker of workers) worker.stop();
  await Promise.all(loops);
  await readKeys(recorder, [honest], new AbortController().signal);
  return checkHistories(recorder);
}

test("an honest store passes, also when clients do not know how their writes ended", async () => {
  expect(await judged((honest) => honest)).toMatchObject({ undecided: 0, broken: [] });
  const { linearizable, broken } = await judged(forgets);
  expect(broken).toEqual([]);
  expect(linearizable).toBeGreaterThan(0);
});

test("one stale read is found, and its history says where", async () => {
  let lies = 0;
  const { broken } = await judged((honest) => staleOnce(honest, () => (lies += 1)));
  expect(lies).toBe(1);
  expect(broken).toHaveLength(1);
  expect(broken[0]?.violation).toMatchObject({ promise: "every key is linearizable" });
  expect(broken[0]?.lines[broken[0].at]).toMatch(/^! /);
});

test.each([
  ["acknowledged writes that are lost", (honest: Caller) => losesWrites(honest, 5)],
  ["errors for writes that took effect", deniesWrites],
  ["an INCR that counts twice", (honest: Caller) => sendsTwice(honest, "INCR")],
  ["half of a DEL of several keys", deletesHalf],
  ["an APPEND that appends twice", (honest: Caller) => sendsTwice(honest, "APPEND")],
])("%s are found", async (_, disguise) => {
  const { broken } = await judged(disguise);
  expect(broken.length).toBeGreaterThan(0);
});

test("histories for which there is no time are counted as undecided", async () => {
  const recorder = new Recorder();
  recorder.end(recorder.begin("a", "k", { kind: "set", keys: ["k"] }), "done");
  expect(checkHistories(recorder, -1)).toEqual({ linearizable: 0, undecided: 1, broken: [] });
});
