import { RESTART_BACKOFF_MS, SERVED_WELL_MS, SILENT_LOOKS_MAX, SILENT_LOOKS_STARTING_MAX, WATCH_MS } from "./limits.ts";

/** What the launcher shall do about a node. */
export type Order =
  | { readonly kind: "start"; readonly afterMs: number }
  | { readonly kind: "kill" }
  | { readonly kind: "say"; readonly text: string };

export type NodeState =
  /** Its process runs, or will in a moment; it does not serve yet. */
  | "starting"
  | "serving"
  /** It refused to start. Starting it again would change nothing; a person must. */
  | "refused"
  /** Told to stop, or not running any more. */
  | "stopped";

/** Exit codes of `sherd node`; also for service units (systemd: `RestartPreventExitStatus=3`). */
export const EXIT_CLEAN = 0;
export const EXIT_FAILED = 1;
/** It refused to start, and would refuse again until somebody changes something. */
export const EXIT_REFUSED = 3;

export interface SupervisionLimits {
  readonly silentLooksMax: number;
  readonly silentLooksStartingMax: number;
}

const DEFAULTS: SupervisionLimits = {
  silentLooksMax: SILENT_LOOKS_MAX,
  silentLooksStartingMax: SILENT_LOOKS_STARTING_MAX,
};

/**
 * Decides, for one node of a local cluster, when it is started again and when it counts as hanging. Only decides: the
 * launcher has the processes and the timers.
 *
 * Silence is counted in looks of the launcher, not in time: when the launcher itself was stopped (a suspended laptop),
 * no look happened and no node is blamed for it.
 */
export class Supervision {
  readonly #name: string;
  readonly #limits: SupervisionLimits;
  #state: NodeState = "starting";
  #silentLooks = 0;
  /** Ends in a row that came before the node had served well. */
  #failures = 0;
  #servingSinceMs = 0;
  #killed = false;

  constructor(name: string, limits: SupervisionLimits = DEFAULTS) {
    this.#name = name;
    this.#limits = limits;
  }

  get state(): NodeState {
    return this.#state;
  }

  heartbeat(): void {
    this.#silentLooks = 0;
  }

  ready(nowMs: number): void {
    if (this.#state !== "starting") return;
    this.#state = "serving";
    this.#servingSinceMs = nowMs;
  }

  stopping(): void {
    this.#state = "stopped";
  }

  /** Called every `WATCH_MS`. */
  look(): Order[] {
    if (this.#killed || (this.#state !== "starting" && this.#state !== "serving")) return [];
    this.#silentLooks += 1;
    const max = this.#state === "serving" ? this.#limits.silentLooksMax : this.#limits.silentLooksStartingMax;
    if (this.#silentLooks <= max) return [];
    this.#killed = true;
    const seconds = Math.round((max * WATCH_MS) / 1000);
    return [{ kind: "say", text: `${this.#name} has not moved for ${seconds} s; killing it` }, { kind: "kill" }];
  }

  exited(nowMs: number, code: number | null, signal: NodeJS.Signals | null): Order[] {
    if (this.#state === "stopped") return [];
    if (code === EXIT_REFUSED) {
      this.#state = "refused";
      return [{ kind: "say", text: `${this.#name} is not started again until that is put right` }];
    }
    const servedWell = this.#state === "serving" && nowMs - this.#servingSinceMs >= SERVED_WELL_MS;
    const waits = RESTART_BACKOFF_MS;
    const afterMs = waits[Math.min(servedWell ? 0 : this.#failures, waits.length - 1)] as number;
    this.#failures = servedWell ? 1 : this.#failures + 1;
    this.#state = "starting";
    this.#silentLooks = 0;
    this.#killed = false;
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const when = afterMs === 0 ? "now" : `in ${afterMs / 1000} s`;
    return [
      { kind: "say", text: `${this.#name} ended ${how}; starting it again ${when}` },
      { kind: "start", afterMs },
    ];
  }
}
