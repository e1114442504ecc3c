/**
 * Byte streams between nodes. One per node: it is bound to the node's peer address before core starts, so that an
 * address in use is an error of the start and not an event. Whether the bytes are encrypted on
 * the way, and who may connect, is the implementation's matter: nothing above it knows.
 */
export interface Network {
  /**
   * Takes the connections that others make to this node's peer address, from now on. Called once. `accept` is called
   * with each, already open, and returns who hears of it.
   */
  listen(accept: (connection: Connection) => ConnectionHandler): void;
  /** Starts a connection. Write to it after `onOpen` only. `host` is a name or an IP address. */
  dial(host: string, port: number, handler: ConnectionHandler): Connection;
}

export interface Connection {
  /** The other end, for messages to people. */
  readonly remote: string;
  /**
   * True: the system took all of it, and the bytes are the caller's again. False: they belong to the connection until
   * `onDrain`, and nothing may be written before it: what waits is the caller's to bound.
   */
  write(bytes: Uint8Array): boolean;
  /** What was written still leaves, if the other end reads it soon. The handler hears nothing more. */
  close(): void;
}

/** None of these is called inside a call to the connection or the network. */
export interface ConnectionHandler {
  /** The connection was made. Dialed ones only. */
  onOpen(): void;
  /** Valid during the call only. */
  onData(bytes: Uint8Array): void;
  /** A `write` that returned false is done. */
  onDrain(): void;
  /** The last event, unless `close` was called before it. */
  onClose(reason: CloseReason): void;
}

/**
 * - `refused`: the dialed address answered that nobody listens there.
 * - `failed`: the connection could not be made for another reason (no route, unknown name, no answer).
 * - `ended`: it was open and is no longer.
 */
export type CloseReason = "refused" | "failed" | "ended";
