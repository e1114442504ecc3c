/** Every error that the client itself raises: a stable code and what to do. Error replies of the server are `RespError` values. */
export const clientErrorCatalogue = {
  SHERD_CLIENT_CONNECT: "The node could not be reached. Check that it runs and that host and port are right.",
  SHERD_CLIENT_HANDSHAKE: "The server refused the protocol version. Ask for RESP 2.",
  SHERD_CLIENT_LOST: "The connection ended before the reply came. A write may or may not have taken effect.",
  SHERD_CLIENT_TIMEOUT:
    "No reply came in time, so the connection was closed. A write may or may not have taken effect.",
  SHERD_CLIENT_PROTOCOL: "The server sent something that is not RESP. Check that the port is a RESP port.",
  SHERD_CLIENT_BUSY: "Too many commands or bytes are waiting. Wait for replies before sending more.",
  SHERD_CLIENT_CLOSED: "The connection was closed by its owner.",
  SHERD_CLIENT_REDIRECTS:
    "The nodes redirected the command too many times: they disagree about a slot. Try again later.",
  SHERD_CLIENT_NO_SLOTS: "No node told which node serves which slots. Check the addresses and that the cluster runs.",
} as const;

export type ClientErrorCode = keyof typeof clientErrorCatalogue;

/**
 * What is known of the command's effect. `not-done`: it certainly did not and will not take effect; sending it again is
 * safe. `unknown`: it may have taken effect, or may yet.
 */
export type Outcome = "not-done" | "unknown";

export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  readonly outcome: Outcome;

  constructor(code: ClientErrorCode, outcome: Outcome, detail: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail} ${clientErrorCatalogue[code]}`, options);
    this.code = code;
    this.outcome = outcome;
  }

  /** The same event, told to a command whose outcome differs. */
  withOutcome(outcome: Outcome): ClientError {
    if (outcome === this.outcome) return this;
    const copy = new ClientError(this.code, outcome, "", { cause: this.cause });
    copy.message = this.message;
    return copy;
  }
}
