import { expect, test } from "vitest";
import { Opened } from "./opened.ts";

test("what was opened last closes first, also when one fails to close; the first failure is told", async () => {
  const opened = new Opened();
  const closed: string[] = [];
  opened.add(() => void closed.push("network"));
  opened.add(() => Promise.reject(new Error("later")));
  opened.add(async () => {
    await Promise.resolve();
    closed.push("log");
  });
  opened.add(() => {
    throw new Error("first");
  });
  opened.add(() => void closed.push("fronts"));
  await expect(opened.close()).rejects.toThrow("first");
  expect(closed).toEqual(["fronts", "log", "network"]);
  await opened.close();
  expect(closed).toHaveLength(3);
});
