import { expect, test } from "vitest";
import { latin1, latin1Bytes } from "../../base/index.ts";
import type { Engine, EngineSnapshot, RangeOptions, RangeResult } from "../../env/index.ts";

/** An engine under test, and how to lose it. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** The process ends without a word; another opens what remains. */
  crash(): Promise<EngineUnderTest>;
  end(): Promise<void>;
}

const bytes = latin1Bytes;
const answer = <T>(request: (done: (value: T) => void) => void): Promise<T> =>
  new Promise((resolve) => request(resolve));

export const getText = async (engine: Engine, ...keys: string[]): Promise<(string | null | undefined)[]> => {
  const values = await answer<(Uint8Array | null | undefined)[]>((done) => engine.getMany(keys.map(bytes), done));
  return values.map((value) => (value instanceof Uint8Array ? latin1(value) : value));
};

/** Undefined deletes. */
export const write = (engine: Engine, changes: Record<string, string | undefined>): Promise<void> => {
  const batch = engine.batch();
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) batch.delete(bytes(key));
    else batch.put(bytes(key), bytes(value));
  }
  return answer<void>((done) => batch.write(done));
};

type TextRange = { readonly rows: string[]; readonly complete: boolean };

const rangeText = async (
  source: Engine | EngineSnapshot,
  from: string,
  to: string,
  limits: Partial<RangeOptions> = {},
): Promise<TextRange> => {
  const options = { from: bytes(from), to: bytes(to), rowsMax: 1000, bytesMax: 1 << 20, values: true, ...limits };
  const result = await answer<RangeResult>((done) => source.range(options, done));
  expect(result.damaged).toBe(false);
  return { rows: result.rows.map(([k, v]) => `${latin1(k)}=${latin1(v)}`), complete: result.complete };
};

/** What every engine must do. A new one is one file that passes this. */
export function conformance(open: () => Promise<EngineUnderTest>): void {
  const check = (name: string, body: (under: EngineUnderTest) => Promise<EngineUnderTest | void>): void => {
    test(name, async () => {
      const under = await open();
      const last = (await body(under)) ?? under;
      await last.end();
    });
  };

  check("an empty engine holds nothing", async ({ engine }) => {
    expect(await getText(engine, "a", "")).toEqual([undefined, undefined]);
    expect(await rangeText(engine, "", "\xff")).toEqual({ rows: [], complete: true });
  });

  check("values come in the order of the keys asked for", async ({ engine }) => {
    await write(engine, { a: "1", b: "2", c: "3" });
    expect(await getText(engine, "c", "x", "a", "a")).toEqual(["3", undefined, "1", "1"]);
  });

  check("completions are never delivered inside the call", async ({ engine }) => {
    let inside = true;
    const late = answer<boolean>((done) => engine.getMany([bytes("a")], () => done(inside)));
    const lateRange = answer<boolean>((done) =>
      engine.range({ from: bytes(""), to: bytes("z"), rowsMax: 1, bytesMax: 1, values: true }, () => done(inside)),
    );
    const batch = engine.batch();
    batch.put(bytes("a"), bytes("1"));
    const lateWrite = answer<boolean>((done) => batch.write(() => done(inside)));
    inside = false;
    expect(await Promise.all([late, lateRange, lateWrite])).toEqual([false, false, false]);
  });

  check("later changes of one batch win over earlier ones", async ({ engine }) => {
    const batch = engine.batch();
    batch.put(bytes("a"), bytes("1"));
    batch.delete(bytes("a"));
    batch.delete(bytes("b"));
    batch.put(bytes("b"), bytes("2"));
    expect(batch.rows).toBe(4);
    await answer<void>((done) => batch.write(done));
    expect(await getText(engine, "a", "b")).toEqual([undefined, "2"]);
  });

  check("bytes put into a batch are copied before the call returns", async ({ engine }) => {
    const key = bytes("key");
    const value = bytes("value");
    const batch = engine.batch();
    batch.put(key, value);
    key.fill(0);
    value.fill(0);
    await answer<void>((done) => batch.write(done));
    expect(await getText(engine, "key")).toEqual(["value"]);
  });

  check("bytes handed out belong to the receiver", async ({ engine }) => {
    await write(engine, { a: "one" });
    const read = async (): Promise<Uint8Array> =>
      (await answer<(Uint8Array | null | undefined)[]>((done) => engine.getMany([bytes("a")], done)))[0] as Uint8Array;
    (await read()).fill(0);
    expect(latin1(await read())).toBe("one");
  });

  check("empty and large values, and every byte, come back as they were", async ({ engine }) => {
    const everyByte = latin1(Uint8Array.from({ length: 256 }, (_, i) => i));
    const large = latin1(Uint8Array.from({ length: 9 << 20 }, (_, i) => (i * 31) >>> 3));
    await write(engine, { empty: "", [everyByte]: everyByte, large });
    const [empty, every, big] = await getText(engine, "empty", everyByte, "large");
    expect(empty).toBe("");
    expect(every === everyByte && big === large).toBe(true);
    const { rows } = await rangeText(engine, "empty", "empty\x00");
    expect(rows).toEqual(["empty="]);
  });

  check("a range is in the order of unsigned bytes, from inclusive, to exclusive", async ({ engine }) => {
    await write(engine, { "\xff": "", "\x80": "", b: "", "a\x00": "", a: "", "": "", "\x7f": "" });
    expect((await rangeText(engine, "", "\xff")).rows).toEqual(["=", "a=", "a\x00=", "b=", "\x7f=", "\x80="]);
    expect((await rangeText(engine, "a", "b")).rows).toEqual(["a=", "a\x00="]);
    expect((await rangeText(engine, "b", "b")).rows).toEqual([]);
  });

  check("a range ends at its limits and says whether there is more", async ({ engine }) => {
    await write(engine, { a: "xx", b: "xx", c: "xx" });
    expect(await rangeText(engine, "", "z", { rowsMax: 2 })).toEqual({ rows: ["a=xx", "b=xx"], complete: false });
    expect(await rangeText(engine, "", "z", { rowsMax: 3 })).toMatchObject({ rows: ["a=xx", "b=xx", "c=xx"] });
    expect(await rangeText(engine, "", "z", { bytesMax: 4 })).toEqual({ rows: ["a=xx", "b=xx"], complete: false });
    expect(await rangeText(engine, "", "z", { bytesMax: 1 })).toEqual({ rows: ["a=xx"], complete: false });
    expect(await rangeText(engine, "", "z", { rowsMax: 4 })).toMatchObject({ complete: true });
    expect(await rangeText(engine, "", "z", { values: false })).toEqual({ rows: ["a=", "b=", "c="], complete: true });
  });

  check("a snapshot stands still while the engine goes on", async ({ engine }) => {
    await write(engine, { a: "1", b: "1" });
    const snapshot = engine.snapshot();
    await write(engine, { a: "2", b: undefined, c: "2" });
    expect((await rangeText(snapshot, "", "z")).rows).toEqual(["a=1", "b=1"]);
    expect((await rangeText(engine, "", "z")).rows).toEqual(["a=2", "c=2"]);
    const later = engine.snapshot();
    snapshot.close();
    expect((await rangeText(later, "", "z")).rows).toEqual(["a=2", "c=2"]);
    later.close();
  });

  check("batches that were acknowledged survive a crash, in order", async (under) => {
    await write(under.engine, { a: "1", b: "1" });
    await write(under.engine, { a: "2", b: undefined, c: "2" });
    const next = await under.crash();
    expect((await rangeText(next.engine, "", "z")).rows).toEqual(["a=2", "c=2"]);
    await write(next.engine, { d: "3" });
    const last = await next.crash();
    expect((await rangeText(last.engine, "", "z")).rows).toEqual(["a=2", "c=2", "d=3"]);
    return last;
  });

  check("a snapshot may be closed while it is read", async ({ engine }) => {
    for (let n = 0; n < 20; n += 1) await write(engine, { [`k${n}`]: "x".repeat(1000) });
    for (let round = 0; round < 20; round += 1) {
      const snapshot = engine.snapshot();
      // Ended by its bytes: engines may need more than one step for that.
      const reads = [1, 2, 3].map(() => rangeText(snapshot, "", "z", { bytesMax: 3_000 }));
      snapshot.close();
      for (const { rows, complete } of await Promise.all(reads)) {
        expect(complete).toBe(false);
        expect(rows.length).toBeGreaterThan(0);
      }
    }
  });

  check("reads under way and an open snapshot do not keep it from closing", async ({ engine }) => {
    await write(engine, { a: "1" });
    const snapshot = engine.snapshot();
    const values = getText(engine, "a");
    const range = rangeText(snapshot, "", "z");
    await answer<void>((done) => engine.close(done));
    expect(await values).toEqual(["1"]);
    expect((await range).rows).toEqual(["a=1"]);
  });

  check("its size grows with what it holds", async ({ engine }) => {
    const size = (): Promise<number> => answer((done) => engine.sizeBytes(done));
    const before = await size();
    await write(engine, { a: latin1(Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >>> 5)) });
    expect(await size()).toBeGreaterThan(before + 10_000);
  });
}
