import { Access } from "../access/index.ts";
import { CONNECTIONS_MAX, INPUT_BYTES_MAX } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import type { NodeApi } from "../node/index.ts";
import { CommandStatistics } from "./command-statistics.ts";
import { CommandTimer } from "./command-timer.ts";
import { Connection } from "./connection.ts";
import { PubSub } from "./pubsub/index.ts";
import type { InputBudget } from "./request-parser.ts";
import type { ClientSocket, ServerFacts } from "./types.ts";

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
  /** Since the start of the process. */
  accepted = 0;
  rejected = 0;
  commands = 0;
  /** Error replies that the connections gave themselves. */
  errors = 0;
  readonly #open: Map<number, Connection> = new Map();
  /** Those with something to do at the end of the pass. */
  #listed: Connection[] = [];
  #lastId = 0;

  constructor(node: NodeApi, facts: ServerFacts) {
    this.node = node;
    this.facts = facts;
    this.timer = new CommandTimer(this.statistics, () => facts.uptimeMs());
    this.access = new Access(facts.secrets);
    this.access.update(node.map?.users?.list);
    node.onMap(() => this.#onMap());
    this.pubsub = new PubSub(node);
    node.onPassEnd(() => this.#onPassEnd());
  }

  get size(): number {
    return this.#open.size;
  }

  get all(): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** Undefined when the node has as many connections as it takes. `redirect`: the port answers MOVED, not forwards. */
  open(socket: ClientSocket, redirect: boolean): Connection | undefined {
    if (this.#open.size >= CONNECTIONS_MAX) {
      this.rejected += 1;
      return undefined;
    }
    this.#lastId += 1;
    this.accepted += 1;
    const connection = new Connection(this.#lastId, socket, redirect, this.node, this);
    this.#open.set(connection.id, connection);
    return connection;
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

  /** Rules count from the next command on; whose user is gone, or switched off, is closed. */
  #onMap(): void {
    if (!this.access.update(this.node.map.users?.list)) return;
    for (const connection of this.#open.values()) {
      const { user } = connection;
      const now = user === undefined ? this.access.initial : this.access.renewed(user);
      if (now === undefined && user !== undefined) connection.dismiss();
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
    this.timer.onPassOver();
  }
}
