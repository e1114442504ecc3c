import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Complaints, SherdError } from "../../core/base/index.ts";
import type { CloseReason, Connection, ConnectionHandler, Env, Network } from "../../core/env/index.ts";
import { createTlsServer, dialTls, type TlsIdentity, tlsFailureText } from "../tls/index.ts";

export interface HostNetworkOptions {
  readonly host: string;
  /** 0: the system chooses, see `HostNetwork.port`. */
  readonly port: number;
  readonly log: Env["log"];
  /** Connections in both directions speak TLS, and both sides show certificates. Undefined: plain text. */
  readonly tls?: TlsIdentity | undefined;
}

export interface HostNetwork extends Network {
  /** The port that was bound. */
  readonly port: number;
  /** No more connections are accepted or dialed, and all are closed. */
  close(): Promise<void>;
}

/** What was written before a `close` has so long to leave. */
const LINGER_MS = 1_000;

/** Binds a node's peer address. Rejects with SHERD_ADDRESS_IN_USE or SHERD_CONFIG_INVALID. */
export async function bindNetwork(options: HostNetworkOptions): Promise<HostNetwork> {
  const network = new NodeNetwork(options.log, options.tls);
  await network.bind(options.host, options.port);
  return network;
}

class NodeNetwork implements HostNetwork {
  readonly #server: Server;
  readonly #endHandshakes: () => void;
  readonly #tls: TlsIdentity | undefined;
  readonly #failures: Complaints;
  readonly #sockets = new Set<Socket>();
  #accept: ((connection: Connection) => ConnectionHandler) | undefined;
  #port = 0;

  constructor(log: Env["log"], tls: TlsIdentity | undefined) {
    this.#tls = tls;
    this.#failures = new Complaints({ log });
    // Half-open sockets are of no use here: the end of one direction ends the connection.
    const options = { noDelay: true };
    const onSocket = (socket: Socket): void => {
      // Core is not ready (recovering, say). Whoever dialed sees that this process lives, and tries again.
      if (this.#accept === undefined) socket.destroy();
      else this.#open(socket, "accepted", this.#accept);
    };
    const { server, endHandshakes } =
      tls === undefined
        ? { server: createServer(options, onSocket), endHandshakes: () => {} }
        : createTlsServer({ identity: tls, clientAuth: "peer" }, "peer port", options, onSocket);
    this.#server = server;
    this.#endHandshakes = endHandshakes;
    this.#server.on("error", (error) => {
      log("warn", "a peer connection could not be accepted", { error: error.message });
    });
  }

  get port(): number {
    return this.#port;
  }

  bind(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        const code = error.code === "EADDRINUSE" ? "SHERD_ADDRESS_IN_USE" : "SHERD_CONFIG_INVALID";
        reject(
          new SherdError(code, `The peer address ${host}:${port} cannot be bound (${error.code}).`, { cause: error }),
        );
      };
      this.#server.once("error", onError);
      this.#server.listen(port, host, () => {
        this.#server.off("error", onError);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  listen(accept: (connection: Connection) => ConnectionHandler): void {
    this.#accept = accept;
  }

  dial(host: string, port: number, handler: ConnectionHandler): Connection {
    const remote = `${host}:${port}`;
    if (this.#tls === undefined) {
      return this.#open(connect({ host, port, noDelay: true }), "connect", () => handler, remote);
    }
    const socket = dialTls(this.#tls, host, port);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (!isTlsFailure(error)) return;
      const message = `no TLS connection to the node at ${remote}: ${tlsFailureText(error)}`;
      const fields = { code: "SHERD_TLS_HANDSHAKE", remote, kind: error.code };
      this.#failures.log(performance.now(), "warn", remote, message, fields);
    });
    return this.#open(socket, "secureConnect", () => handler, remote);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#endHandshakes();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #open(
    socket: Socket,
    opening: Opening,
    handler: (connection: Connection) => ConnectionHandler,
    remote: string = `${socket.remoteAddress}:${socket.remotePort}`,
  ): Connection {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return new NodeConnection(socket, opening, handler, remote);
  }
}

/** When a connection is open: from the beginning, or with this event of its socket. */
type Opening = "accepted" | "connect" | "secureConnect";

class NodeConnection implements Connection {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #handler: ConnectionHandler;
  #reason: CloseReason;
  #isOpen: boolean;
  /** The handler hears nothing any more. */
  #done = false;
  #full = false;
  readonly #written = (): void => {
    if (this.#done || !this.#full || this.#socket.writableLength > 0) return;
    this.#full = false;
    this.#handler.onDrain();
  };

  constructor(
    socket: Socket,
    opening: Opening,
    handler: (connection: Connection) => ConnectionHandler,
    remote: string,
  ) {
    this.remote = remote;
    this.#socket = socket;
    this.#isOpen = opening === "accepted";
    this.#reason = this.#isOpen ? "ended" : "failed";
    this.#handler = handler(this);
    if (opening !== "accepted") {
      socket.on(opening, () => {
        this.#isOpen = true;
        this.#reason = "ended";
        if (!this.#done) this.#handler.onOpen();
      });
    }
    socket.on("data", (bytes) => {
      // A plain array: `slice` of a Buffer is a view, and core relies on its being a copy.
      if (!this.#done) this.#handler.onData(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // TLS 1.3 opens before the other side has verified our certificate: its refusal comes a moment later.
      if (this.#isOpen && isTlsFailure(error)) this.#reason = "failed";
      if (this.#reason !== "failed") return;
      if (isRefused(error)) this.#reason = "refused";
      // Reset before this process saw it open: the other end was just being closed.
      else if (error.code === "ECONNRESET") this.#reason = "ended";
    });
    // At once, not when what waits to be written has failed as well: whoever waits for this peer should know.
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
  }

  write(bytes: Uint8Array): boolean {
    // The socket tries the system call within `write`: mostly nothing is left of it afterwards.
    this.#socket.write(bytes, this.#written);
    this.#full = this.#socket.writableLength > 0;
    return !this.#full;
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    const socket = this.#socket;
    if (!this.#isOpen) {
      socket.destroy();
      return;
    }
    socket.destroySoon();
    const linger = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once("close", () => clearTimeout(linger));
  }

  #ended(): void {
    if (this.#done) return;
    this.#done = true;
    this.#socket.destroy();
    this.#handler.onClose(this.#reason);
  }
}

/** A name with several addresses fails with the errors of all of them: it is refused only if each one is. */
function isRefused(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRefused);
  return error.code === "ECONNREFUSED";
}

/** Certificates or protocols that do not fit, in contrast to a network that fails, whose errors name a system call or its code. */
function isTlsFailure({ code, syscall }: NodeJS.ErrnoException): boolean {
  return code !== undefined && syscall === undefined && !/^E[A-Z]+$/.test(code);
}
