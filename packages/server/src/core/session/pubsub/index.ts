/**
 * pubsub: who listens to which channels at this node, and messages on their way to them.
 *
 * Invariants
 * - A message is told at most once to each subscription; those of one publisher in the order in which it sent them.
 * - Nothing is kept but what is in subscribers' output, and that is bounded: for each of them, and for all together.
 * - A subscriber that does not read is closed; nobody waits for it, neither publishers nor other subscribers.
 *
 * It does not: reach other nodes (`node/broadcast` does), know commands (`answers/pubsub` does), or promise delivery.
 */
export { nameTooLong, PubSub } from "./pubsub.ts";
export { PushedMessage } from "./pushed-message.ts";
export { type Receiver, Subscriber, type SubscriptionKind } from "./subscriber.ts";
