import {
  Histories,
  isRead,
  type Operation,
  type Outcome,
  type StaleRead,
  type Survey,
  type Wanted,
} from "../checkers/index.ts";
import type { World } from "../world/index.ts";

/** All that clients did, by key. */
export class Recorder {
  readonly #world: World;
  readonly #histories: Histories;
  readonly #stale: Map<string, StaleRead[]> = new Map();
  readonly surveys: Survey[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#histories = new Histories(
      () => world.nowMs,
      () => world.moment(),
    );
  }

  get operations(): number {
    return this.#histories.operations;
  }

  get open(): ReadonlySet<Operation> {
    return this.#histories.open;
  }

  get keys(): string[] {
    return this.#histories.keys.toSorted();
  }

  staleReadsOf(key: string): readonly StaleRead[] {
    return this.#stale.get(key) ?? [];
  }

  of(key: string): readonly Operation[] {
    return this.#histories.of(key);
  }

  begin(client: string, key: string, wanted: Wanted, behind?: readonly Operation[]): Operation {
    return this.#histories.begin(client, key, wanted, behind);
  }

  beginFlush(client: string): Operation {
    return this.#histories.beginFlush(client);
  }

  end(operation: Operation, outcome: Exclude<Outcome, "open">): void {
    this.#histories.end(operation, outcome);
    this.#world.coverage.count(`${operation.kind} ${outcome}`);
    if (operation.kind === "exec" && outcome === "done" && operation.result === 0)
      this.#world.coverage.count("exec null");
    if (outcome === "done" && isRead(operation)) this.#world.trace.mix(String(operation.result).length);
  }

  addSurvey(survey: Survey): void {
    this.surveys.push(survey);
    this.#world.coverage.count(typeof survey.seen === "number" ? "dbsize done" : "scan done");
  }

  addStale(read: StaleRead): void {
    const reads = this.#stale.get(read.key);
    if (reads === undefined) this.#stale.set(read.key, [read]);
    else reads.push(read);
    this.#world.coverage.count("get READONLY");
  }
}
