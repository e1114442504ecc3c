import { Access } from "../access/index.ts";
import { INPUT_BYTES_MAX, LEADERLESS_HOLD_MS } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import type { NodeApi } from "../node/index.ts";
import { ClientPause } from "./client-pause.ts";
import { CommandStatistics } from "./command-statistics.ts";
import { CommandTimer, type TimedCommand } from "./command-timer.ts";
import { Connection } from "./connection.ts";
import { ResettableCounts } from "./counts.ts";
import { LatencyMonitor } from "./latency-monitor.ts";
import { LocalTurns } from "./local-turns.ts";
import { Monitors } from "./monitors.ts";
import { mayListen } from "./permission.ts";
import { PubSub } from "./pubsub/index.ts";
import { ReplicaWaits } from "./replica-waits.ts";
import type { InputBudget } from "./request-parser.ts";
import { Settings } from "./settings.ts";
import { shownCommand } from "./shown-command.ts";
import { SlowLog } from "./slow-log.ts";
import type { ClientSocket, ServerFacts } from "./types.ts";
import { Upkeep } from "./upkeep.ts";

/** Memory for incomplete commands of all connections. */
class SharedInput implements InputBudget {
  takenBytes = 0;

  take(bytes: number): boolean {
    if (this.takenBytes + bytes > INPUT_BYTES_MAX) return false;
    this.takenBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.takenBytes -= bytes;
  }
}

/** All client connections of a node, over both RESP ports, with what INFO counts about them. */
export class Connections {
  readonly node: NodeApi;
  readonly facts: ServerFacts;
  readonly access: Access;
  readonly input: SharedInput = new SharedInput();
  readonly statistics: CommandStatistics = new CommandStatistics();
  readonly timer: CommandTimer;
  readonly pubsub: PubSub;
  readonly settings: Settings;
  readonly slowLog: SlowLog = new SlowLog();
  readonly latency: LatencyMonitor = new LatencyMonitor();
  readonly monitors: Monitors = new Monitors();
  readonly pause: ClientPause = new ClientPause();
  readonly waits: ReplicaWaits;
  readonly localTurns: LocalTurns;
  readonly upkeep: Upkeep;
  /** Monotonic, as of the last tick: close enough for everything that lasts for seconds. */
  nowMs = 0;
  /** Of all these, what was counted since CONFIG RESETSTAT. */
  readonly sinceReset: ResettableCounts = new ResettableCounts(this);
  /** Since the start of the process. */
  accepted = 0;
  rejected = 0;
  commands = 0;
  inputBytes = 0;
  outputBytes = 0;
  /** KEYS that have no answer yet. */
  walksOpen = 0;
  readonly #open: Map<number, Connection> = new Map();
  /** Those with something to do at the end of the pass. */
  #listed: Connection[] = [];
  #lastId = 0;
  /** Until when strangers wait to be known; undefined before the first tick. */
  #decidedByMs: number | undefined;

  constructor(node: NodeApi, facts: ServerFacts) {
    this.node = node;
    this.facts = facts;
    this.timer = new CommandTimer(
      this.statistics,
      () => facts.uptimeMs(),
      (command, durationUs) => this.#onSlow(command, durationUs),
    );
    this.settings = new Settings(facts, () => this.#settingsChanged());
    this.#settingsChanged();
    this.waits = new ReplicaWaits(node);
    this.localTurns = new LocalTurns(
      () => facts.uptimeMs(),
      () => node.requestPass(),
    );
    this.upkeep = new Upkeep(this);
    this.access = new Access(facts.secrets);
    this.access.update(node.map?.users?.list, node.mapIsCurrent);
    node.onMap(() => this.#onMap());
    this.pubsub = new PubSub(node);
    node.onPassEnd(() => this.#onPassEnd());
    node.onTick((nowMs) => this.#onTick(nowMs));
  }

  get size(): number {
    return this.#open.size;
  }

  get all(): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** Undefined when the node has as many connections as it takes. `redirect`: the port answers MOVED, not forwards. */
  open(socket: ClientSocket, redirect: boolean): Connection | undefined {
    if (this.#open.size >= this.settings.clientsMax) {
      this.rejected += 1;
      return undefined;
    }
    this.#lastId += 1;
    this.accepted += 1;
    const connection = new Connection(this.#lastId, socket, redirect, this.node, this);
    this.#open.set(connection.id, connection);
    return connection;
  }

  /** False: its client has left. */
  has({ id }: Connection): boolean {
    return this.#open.has(id);
  }

  /** CLIENT PAUSE is over: what was kept back goes on with the end of this pass. */
  unpause(): void {
    if (this.pause.end()) this.#wakeAll();
  }

  /** Strangers are answered from now on, whether it is known who may come in or not. */
  stopDeciding(): void {
    if (this.access.giveUp()) this.#wakeAll();
  }

  #wakeAll(): void {
    for (const connection of this.#open.values()) connection.wake();
    this.node.requestPass();
  }

  /** Counts a command that is not run, and returns its reply. */
  refused(spec: CommandSpec | undefined, reply: Reply): Reply {
    if (spec === undefined) this.statistics.unknown += 1;
    else this.statistics.record(spec, "rejected", 0);
    return reply;
  }

  authFailed(connection: Connection, userName: string): void {
    const address = connection.socket.remoteAddress.replace(/:\d+$/, "");
    this.node.complain(`auth ${address}`, "a client offered a wrong password", { address, user: userName });
  }

  remove(connection: Connection): void {
    this.#open.delete(connection.id);
  }

  /** The connection's `onPassEnd` is to be called once, at the end of this pass. */
  list(connection: Connection): void {
    this.#listed.push(connection);
  }

  #onTick(nowMs: number): void {
    this.nowMs = nowMs;
    this.timer.onTick();
    if (this.pause.isOver(nowMs)) this.unpause();
    this.#decidedByMs ??= nowMs + LEADERLESS_HOLD_MS;
    if (nowMs >= this.#decidedByMs) this.stopDeciding();
    this.waits.tick(nowMs);
    this.upkeep.tick(nowMs);
    this.#watchLatency();
  }

  /** Also while nobody wants to know: what was before LATENCY was turned on must not be counted later. */
  #watchLatency(): void {
    const { latencyThresholdMs } = this.settings;
    for (const [event, durations] of this.node.figures.slowMoments) {
      const ms = durations.takeRecentMaxUs() / 1_000;
      if (latencyThresholdMs > 0 && ms >= latencyThresholdMs) this.latency.add(event, ms, this.facts.wallMs());
    }
  }

  #settingsChanged(): void {
    const { slowlogSlowerThanUs, latencyThresholdMs, slowlogLength } = this.settings;
    const slowlogUs = slowlogSlowerThanUs < 0 ? Number.POSITIVE_INFINITY : slowlogSlowerThanUs;
    const latencyUs = latencyThresholdMs === 0 ? Number.POSITIVE_INFINITY : latencyThresholdMs * 1_000;
    this.timer.slowUs = Math.min(slowlogUs, latencyUs);
    this.slowLog.trim(slowlogLength);
  }

  #onSlow({ spec, args, owner }: TimedCommand, durationUs: number): void {
    // It waits because it is told to.
    if (spec.flags.includes("skip_slowlog")) return;
    const { slowlogSlowerThanUs, slowlogLength, latencyThresholdMs } = this.settings;
    const wallMs = this.facts.wallMs();
    if (slowlogSlowerThanUs >= 0 && durationUs >= slowlogSlowerThanUs) {
      const shown = { atSeconds: Math.floor(wallMs / 1000), durationUs, args: shownCommand(spec, args) };
      this.slowLog.add({ ...shown, address: owner.socket.remoteAddress, name: owner.name }, slowlogLength);
    }
    if (latencyThresholdMs > 0 && durationUs >= latencyThresholdMs * 1_000) {
      this.latency.add(spec.flags.includes("fast") ? "fast-command" : "command", durationUs / 1000, wallMs);
    }
  }

  /**
   * Rules count from the next command on; whose user is gone, or switched off, is closed. Who came before the users were
   * known for sure is who he would be now.
   */
  #onMap(): void {
    const { undecided } = this.access;
    if (!this.access.update(this.node.map.users?.list, this.node.mapIsCurrent)) return;
    if (undecided) this.#wakeAll();
    for (const connection of this.#open.values()) {
      const { user } = connection;
      const now = user === undefined ? this.access.initial : this.access.renewed(user);
      const { subscriber } = connection;
      if (now === undefined && user !== undefined) connection.dismiss();
      else if (now !== undefined && subscriber !== undefined && !mayListen(now, subscriber)) connection.dismiss();
      else connection.user = now;
    }
  }

  #onPassEnd(): void {
    this.timer.onPassEnd();
    if (this.#listed.length > 0) {
      const listed = this.#listed;
      // Those that continue may be listed again, for the next pass.
      this.#listed = [];
      for (const connection of listed) connection.onPassEnd();
    }
    this.localTurns.onPassEnd();
    this.timer.onPassOver();
  }
}
