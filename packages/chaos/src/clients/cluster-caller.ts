import type { PlacedNode } from "../cluster/index.ts";
import type { Caller, Told } from "./caller.ts";

/** Of clients on the same machine; a pulled cable answers nothing. */
export const CONNECT_MS = 1_500;

export interface Seed {
  readonly host: string;
  readonly port: number;
}

/** A library's client for clusters. */
export interface ClusterLibrary<Client> {
  readonly name: string;
  /** `seeds`: where the nodes are when it is called. */
  connect(seeds: () => readonly Seed[], replyTimeoutMs: number): Client;
  call(client: Client, key: string, args: readonly string[]): Promise<Told>;
  disconnect(client: Client): void;
}

/** On the cluster ports of all nodes: the library follows MOVED by itself. */
export class ClusterCaller<Client> implements Caller {
  readonly kind: string;
  /** A command that is redirected is overtaken. */
  readonly keepsOrder = false;
  readonly #library: ClusterLibrary<Client>;
  readonly #nodes: () => readonly PlacedNode[];
  readonly #replyTimeoutMs: number;
  #client: Client;

  /** `nodes`: where they are now. */
  constructor(library: ClusterLibrary<Client>, nodes: () => readonly PlacedNode[], replyTimeoutMs: number) {
    this.kind = library.name;
    this.#library = library;
    this.#nodes = nodes;
    this.#replyTimeoutMs = replyTimeoutMs;
    this.#client = this.#connect();
  }

  async call(key: string, args: readonly string[]): Promise<Told> {
    return await this.#library.call(this.#client, key, args);
  }

  reconnect(): void {
    this.close();
    this.#client = this.#connect();
  }

  close(): void {
    this.#library.disconnect(this.#client);
  }

  #connect(): Client {
    const seeds = (): readonly Seed[] => this.#nodes().map(({ host, clusterPort }) => ({ host, port: clusterPort }));
    return this.#library.connect(seeds, this.#replyTimeoutMs);
  }
}
