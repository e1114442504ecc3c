import { Violation } from "../world/index.ts";
import { type Command, isRead, type Operation } from "./history.ts";

/** What commands about all keys showed. */
export interface Survey {
  readonly client: string;
  readonly began: number;
  readonly ended: number;
  /** The keys that a SCAN gave from its first call to its last; or how many DBSIZE counted. */
  readonly seen: ReadonlySet<string> | number;
}

/** What an operation says of one key. */
interface Event {
  readonly began: number;
  readonly ended: number;
  /** Whether the key is there when it has taken effect; undefined: nobody can tell. */
  readonly there: boolean | undefined;
  /** It took effect, and nothing but `there` follows from it. Otherwise it may have. */
  readonly certain: boolean;
}

/** Before the first of its operations no key is there. */
const NEVER: Event = { began: 0, ended: 0, there: false, certain: true };

/**
 * A SCAN gives every key that is there from its first call to its last, and none that is not there all the while; DBSIZE
 * counts at least the former and at most all but the latter. Which keys those are is said by operations that ended before
 * and by those that may have taken effect since then.
 */
export function checkSurveys(histories: readonly (readonly Operation[])[], surveys: readonly Survey[]): void {
  const keys = eventsByKey(histories);
  for (const { client, began, ended, seen } of surveys) {
    let there = 0;
    let absent = 0;
    for (const [key, { history, events }] of keys) {
      const known = stateDuring(events, began, ended);
      if (known === true) there += 1;
      if (known === false) absent += 1;
      if (typeof seen === "number" || known === undefined || known === seen.has(key)) continue;
      const what = known ? "did not see a key that was there all the while" : "saw a key that was not there";
      throw broken(`${client}, moments ${began} to ${ended}: SCAN ${what}: ${key}`, { history, moment: ended });
    }
    if (typeof seen !== "number") {
      for (const key of seen) if (!keys.has(key)) throw broken(`${client}: SCAN saw ${key}, which nobody wrote`);
    } else if (seen < there || seen > keys.size - absent) {
      const range = `at least ${there}, at most ${keys.size - absent}`;
      throw broken(`${client}, moments ${began} to ${ended}: DBSIZE is ${seen}, but there are ${range}`);
    }
  }
}

const broken = (detail: string, where?: Violation["where"]): Violation =>
  new Violation("SCAN and DBSIZE see the keys that are there", detail, { where });

/** Whether the key is there at every moment between these; undefined: that is not certain. */
function stateDuring(events: readonly Event[], from: number, to: number): boolean | undefined {
  let last = NEVER;
  for (const event of events) if (event.certain && event.ended < from && event.began > last.began) last = event;
  const sure = events.every(({ began, ended, there }) => began >= to || ended <= last.began || there === last.there);
  return sure ? last.there : undefined;
}

/** A key is in one history. */
function eventsByKey(histories: readonly (readonly Operation[])[]): Map<string, { history: string; events: Event[] }> {
  const keys = new Map<string, { history: string; events: Event[] }>();
  for (const operations of histories) {
    const history = operations.find(({ kind }) => kind !== "flush")?.key ?? "";
    for (const key of new Set(operations.flatMap((operation) => operation.keys))) {
      keys.set(key, { history, events: operations.flatMap((operation) => eventsOf(operation, key)) });
    }
  }
  return keys;
}

function eventsOf(operation: Operation, key: string): Event[] {
  if (operation.outcome === "refused") return [];
  const { began, ended } = operation;
  const done = operation.outcome === "done";
  if (operation.kind === "exec") {
    const changes = operation.commands.some((command) => !isRead(command) && command.keys.includes(key));
    return changes && !(done && operation.result === 0) ? [{ began, ended, there: undefined, certain: false }] : [];
  }
  if (operation.kind !== "flush" && !operation.keys.includes(key)) return [];
  if (isRead(operation)) {
    const there = done ? seenBy(operation, key) : undefined;
    return there === undefined ? [] : [{ began, ended, there, certain: true }];
  }
  if (operation.kind === "set") {
    if (done && operation.result === 0) return [];
    // It ends at any time from then on.
    if (operation.expiresMs !== undefined) return [{ began, ended: Infinity, there: undefined, certain: false }];
  }
  const there = operation.kind !== "del" && operation.kind !== "flush";
  return [{ began, ended, there, certain: done }];
}

function seenBy(read: Command, key: string): boolean | undefined {
  if (read.kind === "get") return read.result !== null;
  if (read.kind === "mget") return read.result[read.keys.indexOf(key)] !== null;
  return undefined;
}
