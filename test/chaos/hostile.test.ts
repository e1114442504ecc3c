import { expect, test } from "vitest";
import { attacks, runHostile } from "../../packages/chaos/src/hostile/index.ts";

test("noise, floods and rude clients: no node ends, others are answered rightly, nothing is lost", async () => {
  const result = await runHostile({ seed: 1, scale: 0.01, attacks }, (line) => console.log(line));
  expect(result.failures).toEqual([]);
  expect(result.rows).toHaveLength(attacks.length);
  for (const { name, tried } of result.rows) expect(tried, name).toBeGreaterThan(0);
  expect(result.acknowledged).toBeGreaterThan(100);
}, 600_000);
