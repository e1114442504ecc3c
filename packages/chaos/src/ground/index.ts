/**
 * ground: what the nodes stand on and can lose: a network of namespaces, a small disk.
 *
 * Invariants
 * - Every name given to the system begins with the run's own prefix, and `dispose` removes all of them, however far the
 *   making came.
 * - What cannot be made on this machine is left out, with the reason; never silently.
 *
 * It does not: decide when something breaks.
 */
export { Ground } from "./ground.ts";
export type { Namespaces } from "./namespaces.ts";
export type { SmallDisk } from "./small-disk.ts";
