/** Branded ids: a number that names a shard can not be passed where one names a replica. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** 40 lower-case hex digits, as Redis Cluster prints node ids. Permanent: survives restarts and new addresses. */
export type NodeId = Brand<string, "NodeId">;
/** 40 lower-case hex digits, equal on all nodes of one cluster. */
export type ClusterId = Brand<string, "ClusterId">;
/** 40 lower-case hex digits drawn once for each data directory: tells an emptied directory from the old one. */
export type DirectoryId = Brand<string, "DirectoryId">;
/** A Raft group: 0 is the meta group, 1.. are shards. u32. */
export type GroupId = Brand<number, "GroupId">;
/** A member of one group. Never reused, within or across groups. 1..2^53-1. */
export type ReplicaId = Brand<number, "ReplicaId">;
/** 0..16383: CRC16 of the key or of its hash tag, as in Redis Cluster. */
export type Slot = Brand<number, "Slot">;
/** Raft log index; 0 is "before the first entry". Safe integer. */
export type Index = Brand<number, "Index">;
/** Raft term. Safe integer. */
export type Term = Brand<number, "Term">;
/** One generation of one replica's rows in a node's engine. u32, local to the node, never reused there. */
export type SpaceId = Brand<number, "SpaceId">;
/** Counts the starts of a node on one data directory; durable before the node speaks to anyone. */
export type BootCounter = Brand<number, "BootCounter">;

const HEX_ID = /^[0-9a-f]{40}$/;

export const isHexId = (text: string): boolean => HEX_ID.test(text);
export const nodeId = (text: string): NodeId => text as NodeId;
export const clusterId = (text: string): ClusterId => text as ClusterId;
export const directoryId = (text: string): DirectoryId => text as DirectoryId;
export const groupId = (value: number): GroupId => value as GroupId;
export const replicaId = (value: number): ReplicaId => value as ReplicaId;
export const slot = (value: number): Slot => value as Slot;
export const index = (value: number): Index => value as Index;
export const term = (value: number): Term => value as Term;
export const spaceId = (value: number): SpaceId => value as SpaceId;
export const bootCounter = (value: number): BootCounter => value as BootCounter;

/** The group that holds the cluster map. */
export const META_GROUP: GroupId = groupId(0);
/** "No replica", as Raft's messages write it (no leader known, no vote given). */
export const NO_REPLICA: ReplicaId = replicaId(0);
export const SLOT_COUNT = 16_384;
