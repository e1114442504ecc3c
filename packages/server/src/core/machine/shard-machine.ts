import {
  assert,
  EXEC_ESTIMATED_BYTES_MAX,
  EXEC_WORK_PER_BYTE,
  type GroupId,
  type Index,
  SherdError,
  type Slot,
  TRANSACTION_WORK_MAX,
  utf8,
} from "../base/index.ts";
import {
  type CommandContext,
  type CommandSpec,
  errorReply,
  exceedsValues,
  keysOf,
  lastKey,
  NOT_RESIDENT,
  needsSeveralValues,
  OK,
  type Reply,
  VALUES_TOO_LARGE,
  valuePositions,
  valuesOf,
  workOf,
} from "../command/index.ts";
import type { Env } from "../env/index.ts";
import type { Entry } from "../raft/index.ts";
import type { Row, RowHead, RowNeed, Space } from "../store/index.ts";
import { AppliedState } from "./applied.ts";
import { KeyCounts } from "./counts.ts";
import { type CommandView, EntryDecoder, NO_SESSION, Opcode } from "./entry.ts";
import { KeyspaceCounts } from "./keyspace-counts.ts";
import { Sessions } from "./sessions.ts";
import type { ReplySink, StateMachine } from "./types.ts";

/** Session ids are (index, position) of the command that opened them: unique in the group without any counter. */
const SESSION_POSITIONS = 8192;

export class ShardMachine implements StateMachine {
  readonly applied: AppliedState;
  readonly #group: GroupId;
  readonly #space: Space;
  readonly #commands: (opcode: number) => CommandSpec | undefined;
  readonly #context: RowContext;
  readonly #counts: KeyCounts = new KeyCounts();
  readonly #keyspace: KeyspaceCounts;
  readonly #sessions: Sessions = new Sessions();
  readonly #decoder: EntryDecoder = new EntryDecoder();
  /** The entry that `missing` looked at last, in the state as it is; 0: none. */
  #examined: Index = 0 as Index;
  /**
   * Positions of its commands that are not run, because they need too many values. Decided by the state before the entry:
   * that is when their rows are fetched. What the commands before them write is in memory.
   */
  readonly #refused: number[] = [];
  /** The entry that `missing` looked at last has a command that is judged by the state before the entry. */
  #judged = false;
  /** Numbers for `RowNeed.together`. */
  #togethers = 0;

  /** Takes over what the space's system rows say. `keyspace`: where it counts what the node says of all its shards. */
  constructor(
    env: Env,
    space: Space,
    commands: (opcode: number) => CommandSpec | undefined,
    keyspace: KeyspaceCounts = new KeyspaceCounts(),
  ) {
    this.#group = space.group;
    this.#space = space;
    this.#commands = commands;
    this.#keyspace = keyspace;
    const row = (name: string): Uint8Array | undefined => space.system(name);
    this.applied = AppliedState.read(row);
    this.#counts.load(space.systemNames(KeyCounts.rowPrefix), row);
    this.#sessions.load(space.systemNames(Sessions.rowPrefix), row);
    this.#context = new RowContext(env, space, this.#counts);
    this.#context.version = this.applied.index;
  }

  get keys(): number {
    return this.#counts.total;
  }

  get expiringKeys(): number {
    return this.#counts.expiring;
  }

  keysInSlot(slot: Slot): number {
    return this.#counts.of(slot);
  }

  slotOfKey(number: number): Slot {
    return this.#counts.slotOf(number);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  missing(entry: Entry): RowNeed[] {
    const missing: RowNeed[] = [];
    this.#refused.length = 0;
    this.#judged = false;
    this.#decoder.open(entry.data, this.#where(entry));
    const now = Math.max(this.applied.logTimeMs, this.#decoder.logTimeMs);
    this.#context.judgeBy(now, now);
    for (let position = 0; this.#decoder.next(); position += 1) {
      const command = this.#decoder.command;
      if (command.opcode === Opcode.end) this.#missingHead(command.slot, command.args[0] as Uint8Array, missing);
      if (isInternal(command.opcode)) continue;
      const spec = this.#commands(command.opcode);
      // Here and not only when it is run: the commands before it would have had their effect by then.
      if (spec?.run === undefined) throw this.#unknown(command.opcode, entry);
      if (!this.#missingRows(spec, command.slot, command.args, missing)) this.#refused.push(position);
    }
    this.#examined = entry.index;
    return missing;
  }

  get missingNothingLasts(): boolean {
    return !this.#judged;
  }

  nothingMissing(entry: Entry): void {
    this.#refused.length = 0;
    this.#examined = entry.index;
  }

  /** What a command needs and is not in memory, appended to `into`. False: its heads are, and say that it is refused. */
  #missingRows(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], into: RowNeed[]): boolean {
    if (needsSeveralValues(spec)) return this.#missingSeveral(spec, slot, args, into);
    const { keys } = spec;
    if (keys.first === 0) return true;
    const values = valuePositions(spec, args);
    const lastValue = values.first === 0 ? -1 : lastKey(values, args.length);
    for (let at = keys.first - 1, last = lastKey(keys, args.length); at <= last; at += keys.step) {
      const key = args[at] as Uint8Array;
      if (at < values.first - 1 || at > lastValue) this.#missingHead(slot, key, into);
      else this.#missingValue(slot, key, undefined, into);
    }
    return true;
  }

  #missingSeveral(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], into: RowNeed[]): boolean {
    const values = valuesOf(spec, args);
    this.#judged = true;
    const exceeds = exceedsValues(this.#context, slot, values) === true;
    this.#togethers += 1;
    if (!exceeds) for (const key of values) this.#missingValue(slot, key, this.#togethers, into);
    for (const key of keysOf(spec, args)) this.#missingHead(slot, key, into);
    return !exceeds;
  }

  #missingValue(slot: Slot, bytes: Uint8Array, together: number | undefined, into: RowNeed[]): void {
    const key = this.#context.latin1(bytes);
    if (this.#context.get(slot, key) !== undefined) return;
    into.push(together === undefined ? { slot, key } : { slot, key, together });
  }

  #missingHead(slot: Slot, bytes: Uint8Array, into: RowNeed[]): void {
    const key = this.#context.latin1(bytes);
    if (this.#context.head(slot, key) === undefined) into.push({ slot, key, headOnly: true });
  }

  lengthOf(slot: Slot, key: Uint8Array): number | undefined {
    const row = this.#space.head(slot, this.#context.latin1(key));
    return row === null ? 0 : row?.payload.length;
  }

  missingForRead(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): RowNeed[] {
    const missing: RowNeed[] = [];
    this.#missingRows(spec, slot, args, missing);
    return missing;
  }

  apply(entry: Entry, replies: ReplySink | undefined): void {
    if (this.#examined !== entry.index) {
      assert(this.missing(entry).length === 0, "all rows of an entry are resident when it is applied");
    }
    const state = this.applied;
    const decoder = this.#decoder;
    decoder.open(entry.data, this.#where(entry));
    const now = Math.max(state.logTimeMs, decoder.logTimeMs);
    this.#context.judgeBy(now, now);
    this.#context.version = entry.index;
    this.#sessions.expire(now);
    for (let position = 0; decoder.next(); position += 1) {
      const reply = this.#command(decoder.command, entry, position);
      if (replies !== undefined) replies.reply(position, reply);
    }
    if (replies !== undefined) this.#keyspace.expired += this.#context.endedRemoved;
    state.logTimeMs = now;
    state.advance(entry.index, entry.term);
    this.#examined = 0 as Index;
  }

  #command(command: CommandView, entry: Entry, position: number): Reply {
    if (command.session === NO_SESSION) return this.#run(command, entry, position);
    const now = this.#context.nowMs;
    const known = this.#sessions.admit(command.session, command.sequence, command.ackedBelow, now);
    if (known !== undefined) return known;
    const reply = this.#run(command, entry, position);
    this.#sessions.store(command.session, command.sequence, command.slot, reply);
    return reply;
  }

  #run(command: CommandView, entry: Entry, position: number): Reply {
    switch (command.opcode) {
      case Opcode.sessionOpen: {
        assert(position < SESSION_POSITIONS, "an entry has fewer commands than session positions");
        const id = entry.index * SESSION_POSITIONS + position;
        this.#sessions.open(id, this.#context.nowMs);
        return { type: "integer", value: id };
      }
      case Opcode.time:
        return OK;
      case Opcode.end:
        this.#context.removeEnded(command.slot, this.#context.latin1(command.args[0] as Uint8Array));
        return OK;
      case Opcode.flush:
        // Sessions stay, so that a retry finds the reply; who watches a key that was there finds it gone.
        this.#space.clear();
        this.#counts.clear();
        return OK;
      case Opcode.refuse: {
        const [kind, text] = command.args;
        return errorReply(kind === undefined ? "ERR" : utf8(kind), text === undefined ? "refused" : utf8(text));
      }
      default: {
        const spec = this.#commands(command.opcode);
        if (spec?.run === undefined) throw this.#unknown(command.opcode, entry);
        if (this.#refused.length > 0 && this.#refused.includes(position)) return VALUES_TOO_LARGE;
        const reply = spec.run(this.#context, command.slot, command.args);
        assert(reply !== NOT_RESIDENT, "all rows of an entry are resident while it is applied");
        return reply;
      }
    }
  }

  read(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], clockMs: number): Reply | typeof NOT_RESIDENT {
    assert(spec.run !== undefined, "a read is a command that runs on a shard");
    const { logTimeMs } = this.applied;
    this.#context.judgeBy(logTimeMs, Math.max(logTimeMs, clockMs));
    // A transaction is refused also when all is in memory, as one that writes is. MGET's replies have a narrower limit.
    if (spec.valuesIn !== undefined) {
      if (this.#exceeds(spec, slot, args)) return VALUES_TOO_LARGE;
      this.#context.forgetLookups();
    }
    const reply = spec.run(this.#context, slot, args);
    const unfinished = reply === NOT_RESIDENT && needsSeveralValues(spec);
    return unfinished && this.#exceeds(spec, slot, args) ? VALUES_TOO_LARGE : reply;
  }

  #exceeds(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): boolean {
    return exceedsValues(this.#context, slot, valuesOf(spec, args)) === true;
  }

  /** What the transactions that ran here have done, in the measure of `TRANSACTION_WORK_MAX`. */
  get transactionWork(): number {
    return this.#context.work;
  }

  get undecided(): boolean {
    return this.#context.undecided;
  }

  countRead(): void {
    this.#keyspace.hits += this.#context.found;
    this.#keyspace.misses += this.#context.missed;
  }

  workOfRead(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): number | undefined {
    const bytes = spec.workIn === undefined ? 0 : (args[0] as Uint8Array).length;
    if (bytes > EXEC_ESTIMATED_BYTES_MAX) return Math.min(bytes * EXEC_WORK_PER_BYTE, TRANSACTION_WORK_MAX);
    return workOf(this.#context, slot, spec, args);
  }

  changedSince(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], since: Index): boolean {
    return keysOf(spec, args).some((key) => {
      const row = this.#space.head(slot, this.#context.latin1(key));
      // One that is not there may have been deleted, and one that expires may have expired, since then.
      return !row || row.expiresAtMs !== 0 || row.version > since;
    });
  }

  freeze(): void {
    const space = this.#space;
    const put = (name: string, bytes: Uint8Array): void => space.putSystem(name, bytes);
    this.applied.write(put);
    this.#counts.writeChanges(put);
    this.#sessions.writeChanges(put, (name) => space.deleteSystem(name));
  }

  /** Skipping it would make this replica differ from those that know the command. */
  #unknown(opcode: number, entry: Entry): SherdError {
    return new SherdError("SHERD_ENTRY_UNREADABLE", `${this.#where(entry)}: unknown command ${opcode}.`);
  }

  #where(entry: Entry): string {
    return `shard ${this.#group}, index ${entry.index}`;
  }
}

const isInternal = (opcode: number): boolean =>
  opcode === Opcode.sessionOpen ||
  opcode === Opcode.time ||
  opcode === Opcode.refuse ||
  opcode === Opcode.end ||
  opcode === Opcode.flush;

/** A command's view of the rows: judges expiry by log time (a read also by its leader's clock), keeps the counts. */
class RowContext implements CommandContext {
  nowMs = 0;
  version = 0;
  /** A row was met that has ended by `nowMs`, but not by log time. */
  undecided = false;
  /** Looked for since `judgeBy`. */
  found = 0;
  missed = 0;
  /** Rows that had ended, and were removed or replaced since `judgeBy`. */
  endedRemoved = 0;
  /** What transactions have done, reads' too, in the measure of `workOf`. */
  work = 0;
  readonly latin1: (bytes: Uint8Array) => string;
  readonly #space: Space;
  readonly #counts: KeyCounts;
  #logTimeMs = 0;

  constructor(env: Env, space: Space, counts: KeyCounts) {
    this.#space = space;
    this.#counts = counts;
    this.latin1 = (bytes) => env.latin1(bytes);
  }

  judgeBy(logTimeMs: number, nowMs: number): void {
    this.#logTimeMs = logTimeMs;
    this.nowMs = nowMs;
    this.undecided = false;
    this.endedRemoved = 0;
    this.forgetLookups();
  }

  forgetLookups(): void {
    this.found = 0;
    this.missed = 0;
  }

  get(slot: Slot, key: string): Row | null | undefined {
    const row = this.#space.get(slot, key);
    // Nobody looks at the value of what has ended.
    if (row === undefined) return this.head(slot, key) === null ? null : undefined;
    if (row !== null && this.#lives(row)) {
      this.found += 1;
      return row;
    }
    this.missed += 1;
    return null;
  }

  head(slot: Slot, key: string): RowHead | null | undefined {
    const row = this.#space.head(slot, key);
    if (row === undefined) return undefined;
    if (row !== null && this.#lives(row)) {
      this.found += 1;
      return row;
    }
    this.missed += 1;
    return null;
  }

  #lives({ expiresAtMs }: RowHead): boolean {
    if (expiresAtMs === 0 || expiresAtMs > this.nowMs) return true;
    if (expiresAtMs > this.#logTimeMs) this.undecided = true;
    return false;
  }

  lengthOf(slot: Slot, key: string): number | undefined {
    const row = this.#space.head(slot, key);
    if (row === undefined) return undefined;
    return row !== null && this.#lives(row) ? row.payload.length : 0;
  }

  worked(bytes: number): void {
    this.work += bytes;
  }

  put(slot: Slot, key: string, row: Row): void {
    const before = this.#space.head(slot, key);
    assert(before !== undefined, "a row is resident when a command writes it");
    if (before === null) this.#counts.change(slot, 1);
    else if (this.#hasEnded(before)) this.endedRemoved += 1;
    this.#countExpiring(before, row.expiresAtMs);
    this.#space.put(slot, key, row);
  }

  #countExpiring(before: RowHead | null, expiresAtMs: number): void {
    const ended = before !== null && before.expiresAtMs !== 0;
    if (ended !== (expiresAtMs !== 0)) this.#counts.changeExpiring(ended ? -1 : 1);
  }

  /** Nobody sees the difference; its space comes back. */
  removeEnded(slot: Slot, key: string): void {
    const row = this.#space.head(slot, key);
    if (row && this.#hasEnded(row)) this.delete(slot, key);
  }

  delete(slot: Slot, key: string): boolean {
    const before = this.#space.head(slot, key);
    assert(before !== undefined, "a row is resident when a command deletes it");
    if (before === null) return false;
    this.#counts.change(slot, -1);
    this.#countExpiring(before, 0);
    this.#space.delete(slot, key);
    if (!this.#hasEnded(before)) return true;
    this.endedRemoved += 1;
    return false;
  }

  #hasEnded({ expiresAtMs }: RowHead): boolean {
    return expiresAtMs !== 0 && expiresAtMs <= this.nowMs;
  }
}
