import type { Env } from "../env/index.ts";
import { ReadTurns, type Replica, type Serving } from "../replica/index.ts";

/** What it does with a replica. */
type Awake = Pick<Replica, "feed" | "work" | "wantsFeed">;

/** The replicas that have something to do in a pass, and the reads of all of them that wait for their turns. */
export class AwakeReplicas {
  readonly turns: ReadTurns<Serving>;
  readonly #env: Pick<Env, "monotonicMs" | "requestPass">;
  #awake: Set<Awake> = new Set();
  /** The pass has not come to what replicas do: who is woken now has its turn in it. */
  #collecting = false;
  #working = false;

  constructor(env: Pick<Env, "monotonicMs" | "requestPass">) {
    this.#env = env;
    this.turns = new ReadTurns(
      () => env.monotonicMs(),
      () => {
        if (!this.#working) env.requestPass();
      },
    );
  }

  wake(replica: Awake): void {
    this.#awake.add(replica);
    if (!this.#collecting) this.#env.requestPass();
  }

  /** As the pass begins: what waits goes to the core. */
  feed(): void {
    this.#collecting = true;
    for (const replica of this.#awake) replica.feed();
  }

  /** What the core has told is applied and answered. At last the reads that cost much. */
  work(): void {
    const awake = this.#awake;
    this.#awake = new Set();
    this.#collecting = false;
    this.#working = true;
    this.#workAll(awake);
    this.turns.run();
    this.#working = false;
    if (!this.turns.idle) this.#env.requestPass();
  }

  /** When one has used the time that applying has in a pass, those behind it begin the next. */
  #workAll(awake: Iterable<Awake>): void {
    const later: Awake[] = [];
    let usedUp = false;
    for (const replica of awake) {
      if (usedUp) later.push(replica);
      else {
        usedUp = replica.work();
        if (replica.wantsFeed) this.wake(replica);
      }
    }
    if (later.length > 0) this.#awake = new Set([...later, ...this.#awake]);
  }
}
