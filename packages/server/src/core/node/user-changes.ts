import { REQUEST_MS_MAX, USER_CHANGES_WAITING_MAX } from "../base/index.ts";
import { type ErrorReply, err, errorReply, OK, type Reply } from "../command/index.ts";
import {
  type ClusterMap,
  encodeUsersChange,
  USERS_CONFLICT,
  type UserInfo,
  usersProblem,
  usersVersion,
} from "../meta/index.ts";
import type { Request } from "../replica/index.ts";

/** The users that there shall be instead, or why there is nothing to change. Called again when others were faster. */
export type ChangeUsers = (users: readonly UserInfo[]) => readonly UserInfo[] | ErrorReply;

export interface UserChangesHost {
  nowMs(): number;
  map(): ClusterMap;
  /** To the meta group's leader, wherever it is. `retried`: it is sent again, and may have been done already. */
  propose(argument: Uint8Array, on: Pick<Request, "complete"> & Required<Pick<Request, "retried">>): void;
  /** There is a map of at least this version. */
  wantMap(version: number): void;
}

interface Waiting {
  readonly change: ChangeUsers;
  readonly complete: (reply: Reply) => void;
  readonly bornMs: number;
  /** It was proposed and may take effect, or may have, whatever is heard from now on. */
  uncertain: boolean;
  /** An attempt was sent more than once: a refusal, also of a later attempt, says nothing of all that were sent. */
  resent: boolean;
  /** This node has to see the users of this version, ... */
  awaited: number | undefined;
  /** ... then this is the answer; undefined: then the change is made again. */
  reply: Reply | undefined;
}

const TOO_MANY: Reply = err(`more than ${USER_CHANGES_WAITING_MAX} changes of users wait; try again`);
const UNKNOWN: Reply = errorReply(
  "INDETERMINATE",
  "the outcome is not known: the change of users may or may not take effect; look with ACL LIST",
);
const NOT_DONE: Reply = errorReply("CLUSTERDOWN", "The users could not be changed in time: nothing was changed");

/**
 * Changes of users that began at this node, one after the other. A change is made from the users as this node knows
 * them, and takes effect only if they are still those; else the newer ones are waited for, and it is made again. It is
 * answered when this node has the result, so that whoever asked meets it here.
 */
export class UserChanges {
  readonly #host: UserChangesHost;
  #waiting: Waiting[] = [];

  constructor(host: UserChangesHost) {
    this.#host = host;
  }

  change(change: ChangeUsers, complete: (reply: Reply) => void): void {
    if (this.#waiting.length >= USER_CHANGES_WAITING_MAX) return complete(TOO_MANY);
    const bornMs = this.#host.nowMs();
    this.#waiting.push({
      change,
      complete,
      bornMs,
      uncertain: false,
      resent: false,
      awaited: undefined,
      reply: undefined,
    });
    if (this.#waiting.length === 1) this.#attempt();
  }

  /** There is a newer map here. */
  onMap(): void {
    const first = this.#waiting[0];
    if (first?.awaited === undefined || usersVersion(this.#host.map()) < first.awaited) return;
    if (first.reply !== undefined) this.#finish(first.reply);
    else this.#attempt();
  }

  tick(): void {
    const limit = this.#host.nowMs() - REQUEST_MS_MAX;
    const expired = this.#waiting.filter(({ bornMs }) => bornMs <= limit);
    if (expired.length === 0) return;
    this.#waiting = this.#waiting.slice(expired.length);
    for (const { complete, reply, uncertain } of expired) {
      // Done is done, also when this node has not seen it.
      complete(reply ?? (uncertain ? UNKNOWN : NOT_DONE));
    }
    this.#attempt();
  }

  #attempt(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    const { users } = this.#host.map();
    const list = first.change(users?.list ?? []);
    // It may have met its own result.
    if ("kind" in list) return this.#finish(first.resent ? UNKNOWN : list);
    const problem = usersProblem(list);
    if (problem !== undefined) return this.#finish(first.resent ? UNKNOWN : err(problem));
    first.uncertain = true;
    first.awaited = undefined;
    this.#host.propose(encodeUsersChange({ expected: users?.version ?? 0, list }), {
      complete: (reply) => this.#answered(first, reply),
      retried: () => {
        first.resent = true;
      },
    });
  }

  #answered(asked: Waiting, reply: Reply): void {
    // Late: it has been told that nobody knows.
    if (asked !== this.#waiting[0]) return;
    asked.uncertain = asked.resent;
    if (reply.type === "integer") {
      asked.reply = OK;
      asked.awaited = Number(reply.value);
    } else if (reply.type === "error" && reply.kind === USERS_CONFLICT) {
      asked.awaited = Number(reply.text);
    } else {
      return this.#finish(asked.resent ? UNKNOWN : reply);
    }
    this.#host.wantMap(asked.awaited);
    this.onMap();
  }

  #finish(reply: Reply): void {
    const done = this.#waiting.shift();
    done?.complete(reply);
    this.#attempt();
  }
}
