import { type Denial, denialOf, isAlwaysAllowed, type User } from "../access/index.ts";
import { AUTH_FAILURES_MAX, latin1, latin1Bytes, utf8, utf8Bytes } from "../base/index.ts";
import { type CommandSpec, commandByName, type ErrorReply, errorReply, findSubcommand } from "../command/index.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { OpenRequest } from "./open-request.ts";
import type { Subscriber } from "./pubsub/index.ts";
import { ExecRequest, WatchRequest } from "./transaction-requests.ts";

const NOT_AUTHENTICATED = errorReply("NOAUTH", "Authentication required.");
const WRONG_PASSWORD = errorReply("WRONGPASS", "invalid username-password pair or user is disabled.");
export const LOADING: ErrorReply = errorReply(
  "LOADING",
  "the node has not heard from the cluster's map since it started, and cannot know whether a password is wanted by now. Try again, or at another node",
);
export const RULES_CHANGED: ErrorReply = errorReply(
  "EXECABORT",
  "Transaction discarded because of: NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call",
);
/** MULTI was sent before it was known who sends it. */
export const LOADED_SINCE: ErrorReply = errorReply(
  "EXECABORT",
  "Transaction discarded because of: LOADING the node had not heard who may come in when it began. Try again",
);
const FRAMES_TRANSACTION: ReadonlySet<string> = new Set(["multi", "exec", "discard"]);
const WATCH = commandByName(utf8Bytes("watch")) as CommandSpec;

/** Why the connection may not run the command; what it has queued behind MULTI is given up then. */
export function refusalOf(
  connection: Connection,
  connections: Connections,
  spec: CommandSpec | undefined,
  args: readonly Uint8Array[],
): ErrorReply | undefined {
  const { user } = connection;
  if (user === undefined) {
    if (spec !== undefined && isAlwaysAllowed(spec)) return undefined;
    if (!connections.access.mayBeOpen) return NOT_AUTHENTICATED;
    // If MULTI were refused, and what follows it were not any more, its commands would be run one by one.
    if (spec !== undefined && FRAMES_TRANSACTION.has(spec.name)) return undefined;
    connection.abortTransaction();
    return LOADING;
  }
  const [first] = args;
  const named = spec?.subcommands === undefined || first === undefined ? spec : findSubcommand(spec, first);
  // What does not exist is answered with that.
  if (named === undefined) return undefined;
  const denial = denialOf(user, named, args);
  if (denial === undefined) return undefined;
  const context = connection.abortTransaction() ? "multi" : "toplevel";
  note(connection, connections, { ...denial, context, userName: user.name });
  return errorReply("NOPERM", denialText(user, denial, false));
}

/** Why the connection may not run a request that was made for it earlier. */
export function requestRefusalOf(
  request: OpenRequest,
  connection: Connection,
  connections: Connections,
): ErrorReply | undefined {
  // The shard knows it as one command; what it is made of was checked one by one, by rules that may not count any more.
  if (request instanceof ExecRequest) return request.user === connection.user ? undefined : RULES_CHANGED;
  const spec = request instanceof WatchRequest ? WATCH : request.spec;
  return refusalOf(connection, connections, spec, request.args);
}

/** Whether all that the subscriber listens to is still allowed; as in Redis its connection is closed if not. */
export function mayListen({ channels }: User, { names }: Subscriber): boolean {
  if (channels === undefined) return true;
  const byName = (name: string): boolean => channels.some(({ glob }) => glob.matches(name));
  return (
    [...names.channel].every(byName) &&
    [...names.shardChannel].every(byName) &&
    [...names.pattern].every((pattern) => channels.some(({ text }) => text === pattern))
  );
}

/** `verbose` also names the key or channel: for those who may see the rules. */
export function denialText(user: User, { reason, object }: Denial, verbose: boolean): string {
  const name = utf8Text(user.name);
  if (reason === "command") return `User ${name} has no permissions to run the '${object}' command`;
  if (verbose) return `User ${name} has no permissions to access the '${utf8Text(object)}' ${reason}`;
  return `No permissions to access a ${reason}`;
}

/**
 * Who has the name and the password, for `connection`; the caller makes the connection its own. Counts those who have
 * not: after AUTH_FAILURES_MAX the connection is closed, because guessing is all that it is for.
 */
export function authenticate(
  connection: Connection,
  connections: Connections,
  name: Uint8Array,
  password: Uint8Array,
): User | ErrorReply {
  const user = connections.access.authenticate(name, password);
  if (user !== undefined) return user;
  connection.authFailures += 1;
  if (connection.authFailures >= AUTH_FAILURES_MAX) connection.finish();
  // The password may be right by now: no wrong one is reported.
  if (!connections.access.current) return LOADING;
  const userName = latin1(name.subarray(0, NAME_SHOWN_BYTES_MAX));
  note(connection, connections, { reason: "auth", context: "toplevel", object: "AUTH", userName });
  connections.authFailed(connection, utf8Text(userName));
  return WRONG_PASSWORD;
}

const NAME_SHOWN_BYTES_MAX = 64;

type Refused = Omit<Parameters<Connections["access"]["log"]["add"]>[0], "client">;

function note(connection: Connection, connections: Connections, refused: Refused): void {
  const { id, socket, name } = connection;
  const client = `id=${id} addr=${socket.remoteAddress} laddr=${socket.localAddress} name=${name}`;
  connections.access.log.add({ ...refused, client }, connections.facts.wallMs());
}

/** Names and keys are kept as latin1; people read UTF-8. */
const utf8Text = (text: string): string => utf8(latin1Bytes(text));
