/**
 * embedded: a node inside another program, in a thread of its own.
 *
 * Why a thread: a node must stop in the middle of a step when a write to its disk fails or an assertion does not hold.
 * A thread can be stopped like that without taking the program with it, which a callback on the program's own thread
 * cannot; and work of the program that keeps its event loop busy makes no leader miss its heartbeats.
 *
 * Invariants
 * - In the thread runs what runs in a process of `sherd node`: the same start, locks, log and end.
 * - After `close`, or after a start that failed, nothing is left: no thread, no port, no lock.
 * - The node's failures are errors here. They never end the program by themselves.
 *
 * It does not: take part in the program's signals, or write to its standard output or error.
 */
export { type EmbeddedNode, type EmbeddedOptions, startNode } from "./start.ts";
