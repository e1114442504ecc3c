/**
 * hostile: what the outside may send to a node, sent to a cluster of real processes that serves others meanwhile.
 *
 * Invariants
 * - Attackers know nothing but ports; bystanders are clients that behave, and judge: every answer they get must be right.
 * - After each attack the processes must be the same, and everything that was acknowledged must be there; at the end
 *   also after kill -9 of all of them.
 * - An attack is a function of the seed. What it ends in is counted by kind, for people; few kinds are failures.
 *
 * It does not: break machines (packages/chaos), speak as a member of the cluster (peers that lie are no fault that Raft
 * is made for), or attack what TLS and users protect.
 */
export { attacks } from "./attacks/index.ts";
export { type HostileOptions, type HostileResult, runHostile } from "./run.ts";
