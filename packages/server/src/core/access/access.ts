import { latin1, PASSWORD_BYTES_MAX } from "../base/index.ts";
import { AccessLog } from "./access-log.ts";
import { type Secrets, sameText } from "./secrets.ts";
import { DEFAULT_USER, DEFAULT_USER_RULES, readUser, type StoredUser, type User } from "./user.ts";

const DEFAULT: User = readUser({ name: DEFAULT_USER, rules: DEFAULT_USER_RULES });

/** The users of a node, as the cluster map has them, and who a client is. */
export class Access {
  readonly log: AccessLog = new AccessLog();
  readonly #secrets: Secrets;
  #stored: readonly StoredUser[] | undefined;
  #users: ReadonlyMap<string, User> = new Map([[DEFAULT_USER, DEFAULT]]);
  #current = false;
  #gaveUp = false;
  #waiting: (() => void)[] = [];

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  get secrets(): Secrets {
    return this.#secrets;
  }

  /**
   * The users are those of now, or of a moment since the node started. Until then a password opens what it opened last, but
   * nobody is let in without one: there may be a password by now.
   */
  get current(): boolean {
    return this.#current;
  }

  /** By name, sorted. */
  get users(): ReadonlyMap<string, User> {
    return this.#users;
  }

  /** False: nothing has changed. Users whose rules are the same stay the same objects. */
  update(stored: readonly StoredUser[] | undefined, current: boolean): boolean {
    if (stored === this.#stored && current === this.#current) return false;
    this.#current = current;
    this.#stored = stored;
    const users = new Map<string, User>([
      [DEFAULT_USER, this.#kept({ name: DEFAULT_USER, rules: DEFAULT_USER_RULES })],
    ]);
    for (const one of stored ?? []) users.set(one.name, this.#kept(one));
    this.#users = new Map([...users].sort(([left], [right]) => (left < right ? -1 : 1)));
    if (!this.undecided) this.#decided();
    return true;
  }

  #kept(stored: StoredUser): User {
    const known = this.#users.get(stored.name);
    return known?.rules === stored.rules ? known : readUser(stored);
  }

  /** Who a connection is before it says so; undefined: nobody, it has to authenticate, or to wait until `current`. */
  get initial(): User | undefined {
    return this.#current ? this.lastInitial : undefined;
  }

  /** Whether somebody without a password will perhaps be let in, once the users are `current`. */
  get mayBeOpen(): boolean {
    return !this.#current && this.lastInitial !== undefined;
  }

  /** Whoever brings no password may as well wait: it is not long since the start, and the users of now will be heard. */
  get undecided(): boolean {
    return !this.#gaveUp && this.mayBeOpen;
  }

  /** `decided` is called when `undecided` is over; how many may wait is the caller's to bound. */
  whenDecided(decided: () => void): void {
    if (this.undecided) this.#waiting.push(decided);
    else decided();
  }

  /** Nobody waits any longer. False: nobody had to. */
  giveUp(): boolean {
    if (!this.undecided) return false;
    this.#gaveUp = true;
    this.#decided();
    return true;
  }

  #decided(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const decided of waiting) decided();
  }

  /** `initial` by the users that were known last: for what tells how the node is, and nothing that clients keep in it. */
  get lastInitial(): User | undefined {
    const user = this.#users.get(DEFAULT_USER) as User;
    return user.enabled && user.nopass ? user : undefined;
  }

  /** Who somebody is now that users have changed; undefined: there is no such user any more, or it is switched off. */
  renewed(user: User): User | undefined {
    const now = this.#users.get(user.name);
    return now?.enabled === true ? now : undefined;
  }

  /**
   * The user, if the password is right. Takes as long for a user that does not exist. Undefined while not `current` says
   * nothing about the password.
   */
  authenticate(name: Uint8Array, password: Uint8Array): User | undefined {
    if (password.length > PASSWORD_BYTES_MAX) return undefined;
    const hash = this.#secrets.sha256Hex(password);
    const user = this.#users.get(latin1(name));
    let right = this.#current && user?.nopass === true;
    for (const known of user?.passwords ?? []) {
      // Looks at all of them, whichever is right.
      if (sameText(known, hash)) right = true;
    }
    return right && user?.enabled === true ? user : undefined;
  }
}
