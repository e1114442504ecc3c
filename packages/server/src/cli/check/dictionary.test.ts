import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../random.ts";
import { Dictionary } from "./dictionary.ts";

const step = fc.record({ put: fc.boolean(), key: fc.integer({ min: 0, max: 9 }).map(String), value: fc.string() });

test("it holds what a Map holds, and a random key is one that is there", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
      const random = new SeededRandom(seed);
      const model = new Map<string, string>();
      const dictionary = new Dictionary();
      for (const { put, key, value } of steps) {
        if (put) {
          model.set(key, value);
          dictionary.put(key, value);
        } else {
          model.delete(key);
          dictionary.delete(key);
        }
        expect(dictionary.size).toBe(model.size);
        expect(dictionary.get(key)).toBe(model.get(key));
        const drawn = dictionary.randomKey(random);
        expect(drawn === undefined ? model.size === 0 : model.has(drawn)).toBe(true);
      }
      const reached = new Set(Array.from({ length: model.size * 60 }, () => dictionary.randomKey(random)));
      expect(reached.size).toBe(model.size);
    }),
  );
});

test("deleted keys are remembered", () => {
  const dictionary = new Dictionary();
  expect(dictionary.randomDeleted(new SeededRandom(1))).toBeUndefined();
  dictionary.put("a", "1");
  dictionary.delete("a");
  expect(dictionary.randomDeleted(new SeededRandom(1))).toBe("a");
});
