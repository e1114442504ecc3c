import { expect, test } from "vitest";
import { type Entrant, Inflight } from "./inflight.ts";
import { INFLIGHT_BYTES_MAX, WAITING_BYTES_MAX, WAITING_MAX } from "./limits.ts";

/** Names of calls in the order in which they began. */
class Calls {
  readonly begun: string[] = [];

  make(name: string, bytes = 1): Entrant {
    return { bytes, begin: () => void this.begun.push(name) };
  }
}

test("so many at once; the others begin in the order they came", () => {
  const inflight = new Inflight(2);
  const calls = new Calls();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => calls.make(name)) as [Entrant, Entrant, Entrant, Entrant];
  for (const call of [a, b, c, d]) expect(inflight.enter(call)).toBe(true);
  expect(calls.begun).toEqual(["a", "b"]);
  inflight.leave(b);
  expect(calls.begun).toEqual(["a", "b", "c"]);
  inflight.leave(a);
  inflight.leave(c);
  expect(calls.begun).toEqual(["a", "b", "c", "d"]);
});

test("who gives up while it waits never begins, and holds nobody up", () => {
  const inflight = new Inflight(1);
  const calls = new Calls();
  const [a, b, c] = ["a", "b", "c"].map((name) => calls.make(name)) as [Entrant, Entrant, Entrant];
  for (const call of [a, b, c]) inflight.enter(call);
  inflight.leave(b);
  inflight.leave(a);
  expect(calls.begun).toEqual(["a", "c"]);
});

test("the queue has an end", () => {
  const inflight = new Inflight(1);
  const calls = new Calls();
  const first = calls.make("first");
  inflight.enter(first);
  for (let n = 0; n < WAITING_MAX; n += 1) expect(inflight.enter(calls.make(`${n}`))).toBe(true);
  expect(inflight.enter(calls.make("one too many"))).toBe(false);
  expect(inflight.full).toMatch(new RegExp(`^1 calls are open on this node and ${WAITING_MAX} wait`));
  inflight.leave(first);
  expect(inflight.enter(calls.make("again"))).toBe(true);
});

test("large values are bounded by their bytes, running and waiting; one alone may be of any size", () => {
  const inflight = new Inflight(100);
  const calls = new Calls();
  const huge = calls.make("huge", INFLIGHT_BYTES_MAX + 1);
  inflight.enter(huge);
  const large = calls.make("large", INFLIGHT_BYTES_MAX - 1);
  expect(inflight.enter(large)).toBe(true);
  const small = calls.make("small", 1);
  expect(inflight.enter(small)).toBe(true);
  expect(inflight.enter(calls.make("too much", WAITING_BYTES_MAX))).toBe(false);
  // The small one is not let past: or the large one might wait for ever.
  expect(calls.begun).toEqual(["huge"]);
  inflight.leave(huge);
  expect(calls.begun).toEqual(["huge", "large", "small"]);
});

test("the large call at the head gives up: those behind it begin", () => {
  const inflight = new Inflight(100);
  const calls = new Calls();
  const running = calls.make("running", 2);
  inflight.enter(running);
  const large = calls.make("large", INFLIGHT_BYTES_MAX - 1);
  inflight.enter(large);
  inflight.enter(calls.make("small"));
  inflight.leave(large);
  expect(calls.begun).toEqual(["running", "small"]);
});

test("calls that end while they begin do not deepen the stack", () => {
  const inflight = new Inflight(1);
  const first: Entrant = { bytes: 1, begin: () => {} };
  inflight.enter(first);
  let ended = 0;
  for (let n = 0; n < WAITING_MAX; n += 1) {
    const call: Entrant = {
      bytes: 1,
      begin: () => {
        ended += 1;
        inflight.leave(call);
      },
    };
    inflight.enter(call);
  }
  inflight.leave(first);
  expect(ended).toBe(WAITING_MAX);
});
