/**
 * meta: the cluster map, and the state machine of the group that holds it.
 *
 * Invariants
 * - A map is immutable; every change is an entry of the meta group and makes a map of a higher version.
 * - Users change only from the list that the change was made from: two changes at once cannot lose one of them.
 * - Addresses are data: of two announcements of one node the one with the higher boot counter wins, whatever their order.
 *
 * It does not: decide placement (the bootstrap plan and, later, the controller do) or reach any node.
 */
export { decodeAnnouncement } from "./announcement.ts";
export { announceNode, changeUsers, decodeMap, emptyMap, encodeMap, usersVersion } from "./map.ts";
export { MetaMachine, metaSystemRows, USERS_CONFLICT } from "./meta-machine.ts";
export * from "./types.ts";
export { decodeUsersChange, encodeUsersChange, isUserList, type UsersChange, usersProblem } from "./users.ts";
