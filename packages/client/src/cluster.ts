import { type Answer, type AnswerHandler, RespConnection, type RespConnectionOptions } from "./connection.ts";
import { ClientError } from "./errors.ts";
import {
  COMMANDS_MAX,
  REDIRECTS_MAX,
  REFRESH_INTERVAL_MS_MIN,
  REFRESH_TIMEOUT_MS,
  RETRY_DELAY_MS_MAX,
  RETRY_DELAY_MS_MIN,
  RETRY_MS_MAX,
} from "./limits.ts";
import { encodeCommand, keySlot, RespError, type RespValue } from "./protocol/index.ts";
import { type Address, addressName, parseAddress, parseClusterSlots, SlotMap, type SlotRange } from "./slot-map.ts";

export interface ClusterOptions {
  /** Where to begin: any nodes of the cluster. At least one. */
  readonly seeds: readonly Address[];
  /** Of every connection; see `RespConnectionOptions`. */
  readonly connection?: Omit<RespConnectionOptions, "host" | "port" | "onClosed" | "onPush">;
  /** MOVED and ASK that one command follows before it waits; default 5. */
  readonly redirectsMax?: number;
  /** Milliseconds for which a command that was certainly not done is tried again; default 10,000. */
  readonly retryMsMax?: number;
  /** Milliseconds between two tries: the first wait, doubled up to the longest. Defaults 25 and 400. */
  readonly retryDelayMsMin?: number;
  readonly retryDelayMsMax?: number;
  /** Commands without an answer, beyond which a command fails with SHERD_CLIENT_BUSY; default 16,384. */
  readonly commandsMax?: number;
}

interface Command {
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly done: AnswerHandler;
  redirects: number;
  /** 0 until the first retry. */
  retryUntilMs: number;
  delayMs: number;
}

const ASKING = encodeCommand(["ASKING"]);
const CLUSTER_SLOTS = ["CLUSTER", "SLOTS"];

/** Error replies that say "not now": the server promises that the command was not and will not be done. */
const RETRIED_KINDS: ReadonlySet<string> = new Set(["TRYAGAIN", "CLUSTERDOWN", "LOADING"]);

/**
 * One connection per node, and each command to the node that serves its slot.
 *
 * It begins at the seeds. The first MOVED makes it fetch the slot map; on a port that never redirects, because the node
 * forwards, it stays at its seed. `refresh()` fetches the map at once.
 *
 * Tried again within `retryMsMax`, because they certainly had no effect: TRYAGAIN, CLUSTERDOWN, LOADING, too many
 * redirections in a row, and commands that never left. A command whose connection ended before its reply is told SHERD_CLIENT_LOST, outcome `unknown`, and never
 * sent again. Commands to one slot keep their order unless one of them is redirected or tried again.
 */
export class ClusterConnections {
  readonly #options: ClusterOptions;
  readonly #connections = new Map<string, RespConnection>();
  readonly #map: SlotMap = new SlotMap();
  readonly #redirectsMax: number;
  readonly #commandsMax: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waitingForRetry = new Set<Command>();
  #ranges: readonly SlotRange[] = [];
  /** The seeds and every node of the newest map. */
  #nodes: readonly Address[];
  /** Whom to ask about a slot that nobody is known to serve; moves on when that node cannot be reached. */
  #fallbackAt = 0;
  #commands = 0;
  #redirected = 0;
  #refreshing: Promise<void> | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: ClusterOptions) {
    if (options.seeds.length === 0) throw new RangeError("ClusterOptions.seeds must name at least one node");
    this.#options = options;
    this.#nodes = options.seeds;
    this.#redirectsMax = options.redirectsMax ?? REDIRECTS_MAX;
    this.#commandsMax = options.commandsMax ?? COMMANDS_MAX;
  }

  /** True once the slot map is in use: a node redirected, or `refresh` was called. */
  get routing(): boolean {
    return this.#map.known;
  }

  /** MOVED and ASK followed since the beginning. */
  get redirected(): number {
    return this.#redirected;
  }

  /** The ranges of the newest map; empty before the first. */
  get ranges(): readonly SlotRange[] {
    return this.#ranges;
  }

  /** Sends a command whose keys are all in the slot of `key`. The answer comes later, never inside this call. */
  send(key: Uint8Array, args: readonly (string | Uint8Array)[], done: AnswerHandler): void {
    if (this.#closed || this.#commands >= this.#commandsMax) {
      const error = this.#closed
        ? new ClientError("SHERD_CLIENT_CLOSED", "not-done", "These connections were closed.")
        : new ClientError("SHERD_CLIENT_BUSY", "not-done", `${this.#commands} commands wait.`);
      queueMicrotask(() => done(error));
      return;
    }
    this.#commands += 1;
    this.#dispatch({ slot: keySlot(key), bytes: encodeCommand(args), done, redirects: 0, retryUntilMs: 0, delayMs: 0 });
  }

  /** As `send`. An error reply is a value (`RespError`); the promise rejects with a `ClientError` only. */
  call(key: Uint8Array, args: readonly (string | Uint8Array)[]): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      this.send(key, args, (answer) => (answer instanceof ClientError ? reject(answer) : resolve(answer)));
    });
  }

  /**
   * Fetches the slot map from the first node that tells it; callers at the same time share one fetch, and a map fetched
   * a moment ago (50 ms) is not fetched again. Rejects with SHERD_CLIENT_NO_SLOTS.
   */
  refresh(): Promise<void> {
    if (performance.now() - this.#refreshedAtMs < REFRESH_INTERVAL_MS_MIN) return Promise.resolve();
    this.#refreshing ??= this.#fetchMap().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Takes no more commands; resolves when the waiting ones are answered and all connections are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#commands > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    this.destroy();
  }

  /** Closes now. Waiting commands are told so. */
  destroy(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const connection of this.#connections.values()) connection.destroy();
    this.#connections.clear();
    const closed = new ClientError("SHERD_CLIENT_CLOSED", "not-done", "These connections were closed.");
    for (const command of this.#waitingForRetry) this.#finish(command, closed);
    this.#waitingForRetry.clear();
  }

  #dispatch(command: Command): void {
    const owner = this.#map.owner(command.slot) ?? this.#fallback();
    this.#connection(owner).sendEncoded(command.bytes, (answer) => this.#answered(command, owner, answer));
  }

  #fallback(): Address {
    return this.#nodes[this.#fallbackAt % this.#nodes.length] as Address;
  }

  #connection(address: Address): RespConnection {
    const name = addressName(address);
    const existing = this.#connections.get(name);
    if (existing !== undefined && !existing.closed) return existing;
    const connection = new RespConnection({
      ...this.#options.connection,
      host: address.host,
      port: address.port,
      onClosed: () => this.#connectionEnded(name, connection),
    });
    this.#connections.set(name, connection);
    return connection;
  }

  /** The node may be gone and its slots led elsewhere: find out before the next command fails as well. */
  #connectionEnded(name: string, connection: RespConnection): void {
    if (this.#connections.get(name) === connection) this.#connections.delete(name);
    if (this.#closed) return;
    if (addressName(this.#fallback()) === name) this.#fallbackAt += 1;
    if (this.#map.known) this.#refreshInBackground();
  }

  #answered(command: Command, from: Address, answer: Answer): void {
    if (answer instanceof ClientError) {
      const retriable = answer.outcome === "not-done" && answer.code !== "SHERD_CLIENT_BUSY" && !this.#closed;
      if (retriable) this.#retryLater(command, answer);
      else this.#finish(command, answer);
      return;
    }
    if (answer instanceof RespError) {
      const kind = answer.kind;
      if (kind === "MOVED" || kind === "ASK") {
        this.#redirect(command, from, answer);
        return;
      }
      if (RETRIED_KINDS.has(kind) && !this.#closed) {
        this.#retryLater(command, answer);
        return;
      }
    }
    this.#finish(command, answer);
  }

  #redirect(command: Command, from: Address, answer: RespError): void {
    const [kind, slotText = "", name = ""] = answer.message.split(" ");
    const slot = Number(slotText);
    const target = parseAddress(name, from.host);
    if (slot !== command.slot || target === undefined) {
      const detail = `${addressName(from)} answered ${JSON.stringify(answer.message)} to a command of slot ${command.slot}.`;
      this.#finish(command, new ClientError("SHERD_CLIENT_PROTOCOL", "not-done", detail));
      return;
    }
    command.redirects += 1;
    if (command.redirects > this.#redirectsMax) {
      // Nodes that disagree agree soon, when an election is over: wait instead of running in circles.
      const detail = `Slot ${slot}: ${this.#redirectsMax} redirections followed, the last one to ${name}.`;
      command.redirects = 0;
      this.#retryLater(command, new ClientError("SHERD_CLIENT_REDIRECTS", "not-done", detail));
      return;
    }
    this.#redirected += 1;
    if (kind === "ASK") {
      const connection = this.#connection(target);
      // Counts for the next command only. If it fails, the command itself is answered with MOVED.
      connection.sendEncoded(ASKING, () => {});
      connection.sendEncoded(command.bytes, (next) => this.#answered(command, target, next));
      return;
    }
    this.#map.assign(slot, target);
    this.#refreshInBackground();
    this.#dispatch(command);
  }

  /** `last` is what the caller gets when the time for retries is over. */
  #retryLater(command: Command, last: Answer): void {
    const nowMs = performance.now();
    if (command.retryUntilMs === 0) {
      command.retryUntilMs = nowMs + (this.#options.retryMsMax ?? RETRY_MS_MAX);
      command.delayMs = this.#options.retryDelayMsMin ?? RETRY_DELAY_MS_MIN;
    }
    if (nowMs + command.delayMs > command.retryUntilMs) {
      this.#finish(command, last);
      return;
    }
    if (this.#map.known) this.#refreshInBackground();
    this.#waitingForRetry.add(command);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#waitingForRetry.delete(command);
      this.#dispatch(command);
    }, command.delayMs);
    this.#timers.add(timer);
    command.delayMs = Math.min(command.delayMs * 2, this.#options.retryDelayMsMax ?? RETRY_DELAY_MS_MAX);
  }

  #finish(command: Command, answer: Answer): void {
    this.#commands -= 1;
    command.done(answer);
    if (this.#commands === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #refreshInBackground(): void {
    this.refresh().catch((error: unknown) => {
      // Commands go on with the map there is; they carry the error when their time is over.
      if (!(error instanceof ClientError)) throw error;
    });
  }

  async #fetchMap(): Promise<void> {
    const reasons: string[] = [];
    for (const address of this.#candidates()) {
      if (this.#closed) break;
      const ranges = await this.#askSlots(address);
      if (typeof ranges !== "string") {
        this.#adopt(ranges);
        return;
      }
      reasons.push(`${addressName(address)}: ${ranges}`);
    }
    throw new ClientError("SHERD_CLIENT_NO_SLOTS", "not-done", `${reasons.join("; ")}.`);
  }

  #adopt(ranges: readonly SlotRange[]): void {
    this.#map.replace(ranges);
    this.#ranges = ranges;
    this.#refreshedAtMs = performance.now();
    const byName = new Map<string, Address>();
    for (const address of this.#options.seeds) byName.set(addressName(address), address);
    for (const range of ranges) {
      for (const address of [range.leader, ...range.replicas]) byName.set(addressName(address), address);
    }
    this.#nodes = [...byName.values()];
    for (const [name, connection] of this.#connections) if (!byName.has(name)) connection.close();
  }

  /** Open connections first, since dialling a dead node costs time; then whoever is known. */
  #candidates(): Address[] {
    const open = [...this.#connections.values()].filter((connection) => !connection.closed);
    const names = new Set(open.map(addressName));
    return [...open, ...this.#nodes.filter((address) => !names.has(addressName(address)))];
  }

  #askSlots(address: Address): Promise<SlotRange[] | string> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve(`no answer within ${REFRESH_TIMEOUT_MS} ms`);
      }, REFRESH_TIMEOUT_MS);
      this.#timers.add(timer);
      this.#connection(address).send(CLUSTER_SLOTS, (answer) => {
        clearTimeout(timer);
        this.#timers.delete(timer);
        resolve(answer instanceof ClientError ? answer.message : parseClusterSlots(answer, address.host));
      });
    });
  }
}
