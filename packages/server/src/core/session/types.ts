import type { Secrets } from "../access/index.ts";

/** One client's byte stream, as the connection sees it. The front implements it; tests stand in for it. */
export interface ClientSocket {
  /** `host:port` of the other side, for CLIENT LIST. */
  readonly remoteAddress: string;
  /** `host:port` of this side. */
  readonly localAddress: string;
  /**
   * Sends bytes after all that was sent before. True: they are out of our hands, and the buffer may be used again.
   * False: the buffer belongs to the socket from now on.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes written that the system has not taken yet. `Connection.onDrain` is called when there are none left. */
  readonly pendingBytes: number;
  /** No more `Connection.onData` until `resume` (one that is under way may still come). */
  pause(): void;
  resume(): void;
  /** Ends our side once everything written has left. */
  close(): void;
  /** Ends it now; what was not sent is lost. */
  destroy(): void;
}

/** As Redis: whose DEBUG is run. `local`: of clients on this host. */
export type DebugCommand = "no" | "local" | "yes";

/** What INFO and HELLO tell about the process, and what only it can do, which core cannot. */
export interface ServerFacts {
  /** Of sherd. */
  readonly version: string;
  readonly processId: number;
  /** `Linux 6.1.0 x86_64`. */
  readonly system: string;
  readonly nodeVersion: string;
  /** Ports for clients speak TLS; all nodes of a cluster are alike in this. */
  readonly tls?: boolean;
  wallMs(): number;
  uptimeMs(): number;
  memory(): { readonly residentBytes: number; readonly heapBytes: number };
  /** The machine's. */
  readonly memoryBytes: number;
  /** Seconds of CPU used so far. */
  cpu(): { readonly userSeconds: number; readonly systemSeconds: number };
  readonly secrets: Secrets;
  /** The node's data directory. */
  readonly directory: string;
  readonly debugCommand: DebugCommand;
  /** Stops the whole process for this time: DEBUG SLEEP. */
  stall(ms: number): void;
}

/** Memory that a connection takes, and what waits in it. */
export interface ConnectionLoad {
  /** Input that was not taken yet, and room for more. */
  readonly bufferedBytes: number;
  readonly spareBytes: number;
  /** Commands behind MULTI (-1: none), and their arguments. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** Keys. */
  readonly watched: number;
  /** Replies that were not given to the socket yet, and the buffer that they are in. */
  readonly outputBytes: number;
  readonly outputCapacityBytes: number;
  /** Replies that wait for older ones. */
  readonly waitingBytes: number;
  /** Commands without an answer. */
  readonly open: number;
}
