/**
 * Runs a transcript: blocks of commands, `----`, and what they must print, up to an empty line. `#` begins a comment.
 * What is not commanded does not happen: no message arrives before `deliver` or `settle`, no write of a replica whose
 * disk is `slow` is durable before `sync` or `settle`.
 */
import { assert, index, latin1, replicaId, utf8Bytes } from "../../base/index.ts";
import { encodeConfChange, leaveJoint, type MemberChange } from "../index.ts";
import { Cluster, type Envelope } from "./cluster.ts";
import { encodeMessage, MESSAGE_TYPES, short } from "./message.ts";
import { describeConfState, describeEntry, GROUP, type Replica } from "./replica.ts";

const ROLES = ["follower", "candidate", "leader", "preCandidate"] as const;

export interface Transcript {
  /** The file with the outputs that the commands have now. */
  readonly actual: string;
}

export function runTranscript(text: string): Transcript {
  const run = new Run();
  const blocks = text.trimEnd().split(/\n\n+/);
  const actual = blocks.map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const head = end === -1 ? lines : lines.slice(0, end);
    const commands = head.filter((line) => !line.startsWith("#"));
    if (commands.length === 0) return block;
    const output = commands.flatMap((line) => run.command(line));
    return [...head, "----", ...(output.length === 0 ? ["ok"] : output)].join("\n");
  });
  return { actual: `${actual.join("\n\n")}\n` };
}

type Handler = (args: readonly string[]) => void;

class Run {
  #cluster = new Cluster(1);
  #ticket = 0;

  command(line: string): readonly string[] {
    const [name, ...args] = line.trim().split(/\s+/);
    const handler = this.#handlers[name ?? ""];
    assert(handler !== undefined, `a transcript's command is known: ${line}`);
    this.#cluster.lines = [];
    handler(args);
    return this.#cluster.lines;
  }

  #replica(text: string | undefined): Replica {
    return this.#cluster.get(Number(text));
  }

  #print(line: string): void {
    this.#cluster.lines.push(line);
  }

  /** One replica does something, then its core runs. */
  #with(action: (replica: Replica, args: readonly string[]) => void): Handler {
    return ([id, ...rest]) => {
      const replica = this.#replica(id);
      action(replica, rest);
      replica.run();
    };
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    // bootstrap 1 2 3 [learners 4]
    bootstrap: (args) => {
      const split = args.includes("learners") ? args.indexOf("learners") : args.length;
      this.#cluster.bootstrap(args.slice(0, split).map(Number), args.slice(split + 1).map(Number));
    },
    add: ([id]) => this.#cluster.add(Number(id)),
    // options committedBytesMax=100: for the cluster that is bootstrapped next
    options: (args) => {
      const options = Object.fromEntries(args.map((arg) => [arg.split("=")[0], Number(arg.split("=")[1])]));
      this.#cluster = new Cluster(1, options);
    },

    // time and elections
    tick: this.#with((replica, [count]) => {
      for (let i = 0; i < Number(count ?? 1); i += 1) replica.core.tick(GROUP);
    }),
    campaign: this.#with((replica) => replica.core.campaign(GROUP)),
    forget: this.#with((replica) => replica.core.forgetLeader(GROUP)),
    transfer: this.#with((replica, [to]) => replica.core.transferLeader(GROUP, replicaId(Number(to)))),

    // proposals, membership and reads
    // propose 1 apple x*100: two entries, the second of 100 bytes
    propose: this.#with((replica, args) => {
      for (const text of args) {
        const [unit, times] = text.split("*");
        replica.core.propose(GROUP, ++this.#ticket, utf8Bytes((unit ?? "").repeat(Number(times ?? 1))));
      }
    }),
    // change 1 +4 ?5 -2 [joint|explicit]: voter, learner, removed
    change: this.#with((replica, args) => {
      const transition = args.includes("joint") ? "joint" : args.includes("explicit") ? "explicit" : "auto";
      const changes = args.filter((arg) => /^[+?-]/.test(arg)).map(parseChange);
      replica.core.proposeConfChange(GROUP, ++this.#ticket, encodeConfChange(changes, transition));
    }),
    leave: this.#with((replica) => replica.core.proposeConfChange(GROUP, ++this.#ticket, leaveJoint())),
    read: this.#with((replica, contexts) => {
      for (const context of contexts) replica.core.readIndex(GROUP, Number(context));
    }),

    // the disk
    slow: ([id]) => {
      this.#replica(id).diskIsFast = false;
    },
    fast: ([id]) => {
      this.#replica(id).diskIsFast = true;
    },
    sync: this.#with((replica, [count]) => {
      replica.sync(count === undefined ? undefined : Number(count));
    }),
    flush: this.#with((replica) => replica.flush()),
    truncate: this.#with((replica, [to]) => {
      replica.flush();
      replica.truncate(index(Number(to)));
    }),
    crash: ([id]) => this.#cluster.crash(Number(id)),
    restart: ([id]) => this.#cluster.restart(Number(id)).run(),
    unhelpful: ([id]) => {
      this.#replica(id).helps = false;
    },
    provide: this.#with((replica, [what, peer, from, to]) => {
      const id = replicaId(Number(peer));
      if (what === "snapshot") replica.provideSnapshot(id);
      else replica.provideEntries(id, index(Number(from)), index(Number(to) + 1));
    }),

    // the network: messages are named by [from->to] [Type] [how many]
    deliver: (args) => this.#cluster.deliver(this.#cluster.take(matching(args))),
    drop: (args) => {
      for (const envelope of this.#cluster.take(matching(args))) {
        this.#print(`${envelope.from}->${envelope.to} ${envelope.type} dropped`);
      }
    },
    settle: () => this.#cluster.settle(),
    // the same without the noise: for what a transcript is not about
    quietly: (args) => {
      this.command(args.join(" "));
      this.#cluster.settle();
      this.#cluster.lines = [];
    },
    cut: ([from, to]) => this.#cluster.cut.add(`${from}>${to}`),
    isolate: ([id]) => {
      for (const other of this.#cluster.replicas.keys()) {
        this.#cluster.cut.add(`${id}>${other}`);
        this.#cluster.cut.add(`${other}>${id}`);
      }
    },
    heal: () => this.#cluster.cut.clear(),
    unreachable: this.#with((replica, [peer]) => replica.core.reportUnreachable(GROUP, replicaId(Number(peer)))),
    // forge 2->1 Heartbeat term=3 commit=99: says what no replica would
    forge: ([link, type, ...fields]) => {
      const [from, to] = (link ?? "").split("->").map(Number);
      const values = Object.fromEntries(fields.map((field) => [field.split("=")[0], Number(field.split("=")[1])]));
      const known = MESSAGE_TYPES.indexOf(type as (typeof MESSAGE_TYPES)[number]);
      const message = { from: from ?? 0, to: to ?? 0, type: known === -1 ? 77 : known, ...values };
      const bytes = encodeMessage({ ...message, reject: "reject" in values });
      const receiver = this.#replica(String(to));
      const before = receiver.core.counters.messagesMalformed;
      receiver.core.step(GROUP, bytes);
      receiver.run();
      if (receiver.core.counters.messagesMalformed > before) this.#print(`${to} refuses it as malformed`);
    },

    // snapshot 1->2 [at 5]: what a leader would send, whether needed or not
    snapshot: ([link, , at]) => {
      const [from, to] = (link ?? "").split("->").map(Number);
      const { id, term, machine } = this.#replica(String(from));
      const position = at === undefined ? machine.position : { index: index(Number(at)), term: machine.position.term };
      const snapshot = { ...position, voters: machine.confState.voters };
      const bytes = encodeMessage({ type: MESSAGE_TYPES.indexOf("Snapshot"), from: id, to: to ?? 0, term, snapshot });
      this.#cluster.deliver([{ from: id, to: to ?? 0, type: "Snapshot", bytes, snapshot: { ...machine, position } }]);
    },

    // what there is
    status: () => {
      for (const replica of this.#cluster.replicas.values()) {
        const { id, role, term, commit, last, machine } = replica;
        this.#print(
          `${id} ${ROLES[role]}, term ${term}, last ${last}, commit ${commit}, applied ${machine.position.index}, ` +
            describeConfState(machine.confState),
        );
      }
    },
    log: ([id]) => {
      const { truncated, entries } = this.#replica(id).disk;
      this.#print(`behind ${truncated.index} (term ${truncated.term})`);
      for (const entry of entries) this.#print(`${describeEntry(entry)} (term ${entry.term})`);
    },
    machine: ([id]) => {
      for (const applied of this.#replica(id).machine.applied)
        this.#print(`${applied.index} ${short(utf8Bytes(applied.text))}`);
    },
    progress: ([id]) => {
      for (const peer of this.#replica(id).core.progress(GROUP)) {
        const activity = peer.recentActive ? "active" : "silent";
        this.#print(`${peer.peer} ${peer.state}, matched ${peer.matched}, next ${peer.next}, ${activity}`);
      }
    },
    dropped: ([id]) => {
      this.#print(`${this.#replica(id).core.counters.messagesOverBudget > 0 ? "has" : "has not"} dropped appends`);
    },
    held: ([id]) => this.#print(`${this.#replica(id).core.counters.heldBytes > 0 ? "holds entries" : "holds nothing"}`),
  };
}

function parseChange(text: string): MemberChange {
  const kinds = { "+": "addVoter", "?": "addLearner", "-": "remove" } as const;
  return {
    kind: kinds[latin1(utf8Bytes(text.slice(0, 1))) as keyof typeof kinds],
    replica: replicaId(Number(text.slice(1))),
  };
}

function matching(args: readonly string[]): (envelope: Envelope) => boolean {
  const link = args.find((arg) => arg.includes("->"));
  const count = args.find((arg) => /^[0-9]+$/.test(arg));
  const types = args.filter((arg) => arg !== link && arg !== count);
  let left = Number(count ?? Number.POSITIVE_INFINITY);
  return (envelope) => {
    const linkFits = link === undefined || link === `${envelope.from}->${envelope.to}`;
    const fits = linkFits && (types.length === 0 || types.includes(envelope.type));
    if (fits) left -= 1;
    return fits && left >= 0;
  };
}
