import { expect, test } from "vitest";
import { SeededRandom } from "./random.ts";

const draw = (random: SeededRandom, count: number): number[] => Array.from({ length: count }, () => random.u32());

test("the same seed and stream repeat; another of either does not", () => {
  expect(draw(new SeededRandom(7, 1), 50)).toEqual(draw(new SeededRandom(7, 1), 50));
  expect(draw(new SeededRandom(7, 1), 50)).not.toEqual(draw(new SeededRandom(7, 2), 50));
  expect(draw(new SeededRandom(7, 1), 50)).not.toEqual(draw(new SeededRandom(8, 1), 50));
});

test("the sequence of a seed never changes: printed seeds must repeat in later versions", () => {
  expect(draw(new SeededRandom(1), 3)).toMatchInlineSnapshot(`
    [
      2466671647,
      704075991,
      1425070668,
    ]
  `);
  expect(new SeededRandom(1).text(20).toString()).toMatchInlineSnapshot(`"5AMV2PS2GXMUHQU2IA7C"`);
});

test("numbers spread over their range and stay in it", () => {
  const random = new SeededRandom(3);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i += 1) {
    const drawn = random.below(10);
    counts[drawn] = (counts[drawn] as number) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(9_000);
  const seen = new Set(Array.from({ length: 1_000 }, () => random.between({ min: 30, max: 32 })));
  expect(seen).toEqual(new Set([30, 31, 32]));
});

test("texts have the wanted length, and hardly ever repeat", () => {
  const random = new SeededRandom(3);
  const texts = Array.from({ length: 10_000 }, () => random.text(8).toString());
  expect(texts.every((text) => /^[A-Z0-9]{8}$/.test(text))).toBe(true);
  expect(new Set(texts).size).toBeGreaterThan(9_990);
  expect(random.text(0)).toHaveLength(0);
});
