import { latin1, WAIT_MS_MAX } from "../../base/index.ts";
import { array, err, integer, NOT_AN_INTEGER, type Reply } from "../../command/index.ts";
import { Later } from "../later.ts";
import type { ReplicaWait, WaitDone, Wanted } from "../replica-waits.ts";
import type { LocalCall } from "./types.ts";

const INTEGER = /^-?\d{1,15}$/;

/** Milliseconds to wait, or what is wrong. 0 is "for ever" in Redis: nothing waits that long here. */
function timeOf(arg: Uint8Array): number | Reply {
  const text = latin1(arg);
  if (!INTEGER.test(text)) return err("timeout is not an integer or out of range");
  const ms = Number(text);
  if (ms < 0) return err("timeout is negative");
  return ms === 0 ? WAIT_MS_MAX : Math.min(ms, WAIT_MS_MAX);
}

/** A connection that has written nothing has its writes everywhere: so many replicas can be reached, in every shard. */
function reachableReplicas({ connections: { node } }: LocalCall): number {
  const counts = node.map.shards.map(
    ({ replicas, group }) =>
      replicas.filter((replica) => node.isUp(replica.node) && replica.node !== node.leaderOf(group)?.node).length,
  );
  return counts.length === 0 ? 0 : Math.min(...counts);
}

function waitFor(
  call: LocalCall,
  wanted: Wanted,
  forMs: number,
  answer: (...known: Parameters<WaitDone>) => Reply,
): Reply | Later {
  const { connection, connections } = call;
  const groups = connection.groupsWritten;
  if (groups.length === 0) return answer(reachableReplicas(call), true);
  let begun: ReplicaWait | undefined;
  const later = new Later(() => {
    if (begun !== undefined) connections.waits.end(begun);
  });
  begun = connections.waits.begin(groups, wanted, forMs, (...known) => later.complete(answer(...known)));
  return later;
}

export function wait(call: LocalCall): Reply | Later {
  const [replicas, time] = call.args as [Uint8Array, Uint8Array];
  const wanted = latin1(replicas);
  if (!INTEGER.test(wanted)) return NOT_AN_INTEGER;
  const forMs = timeOf(time);
  if (typeof forMs !== "number") return forMs;
  return waitFor(call, { replicas: Number(wanted), leaders: false }, forMs, integer);
}

/** The leader's disk is the local one: what was acknowledged is on those of a majority, perhaps without it. */
export function waitaof(call: LocalCall): Reply | Later {
  const [local, replicas, time] = call.args as [Uint8Array, Uint8Array, Uint8Array];
  if (!/^[01]$/.test(latin1(local))) return err("value is out of range, must be between 0 and 1");
  const wanted = latin1(replicas);
  if (!INTEGER.test(wanted) || Number(wanted) < 0) return err("value is out of range, must be positive");
  const forMs = timeOf(time);
  if (typeof forMs !== "number") return forMs;
  const both: Wanted = { replicas: Number(wanted), leaders: latin1(local) === "1" };
  return waitFor(call, both, forMs, (count, leadersHold) => array([integer(leadersHold ? 1 : 0), integer(count)]));
}
