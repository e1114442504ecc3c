import { expect, test } from "vitest";
import { Rows } from "./testing/rows.ts";

const NOW_MS = 1_700_000_000_000;

function rowsAt(nowMs: number): Rows {
  const rows = new Rows();
  rows.nowMs = nowMs;
  rows.ask("set k v");
  return rows;
}

test("a key ends at the moment that was set, as seen in log time", () => {
  const rows = rowsAt(NOW_MS);
  expect(rows.ask("ttl k")).toBe("-1");
  expect(rows.ask("pttl none")).toBe("-2");
  expect(rows.ask("expire k 10")).toBe("1");
  expect(rows.ask("pttl k")).toBe("10000");
  expect(rows.ask("ttl k")).toBe("10");
  expect(rows.ask("pexpiretime k")).toBe(String(NOW_MS + 10_000));
  expect(rows.ask("expiretime k")).toBe("1700000010");
  rows.nowMs += 9_600;
  expect(rows.ask("ttl k")).toBe("0");
  rows.nowMs += 399;
  expect(rows.ask("get k")).toBe('"v"');
  rows.nowMs += 1;
  expect(rows.ask("get k")).toBe("(nil)");
  expect(rows.ask("ttl k")).toBe("-2");
  expect(rows.ask("expire k 10")).toBe("0");
});

test("a moment in the past deletes at once", () => {
  for (const command of ["expire k 0", "expire k -1", "pexpire k -1", "expireat k 1", "pexpireat k -5"]) {
    const rows = rowsAt(NOW_MS);
    expect(rows.ask(command), command).toBe("1");
    expect(rows.rows.size, command).toBe(0);
  }
});

test("PERSIST takes an end away", () => {
  const rows = rowsAt(NOW_MS);
  expect(rows.ask("persist k")).toBe("0");
  rows.ask("pexpire k 5");
  expect(rows.ask("persist k")).toBe("1");
  rows.nowMs += 5;
  expect(rows.ask("get k")).toBe('"v"');
  expect(rows.ask("persist none")).toBe("0");
});

test("NX, XX, GT and LT compare with the end that there is; none counts as the latest", () => {
  const rows = rowsAt(NOW_MS);
  expect(rows.ask("expire k 10 xx")).toBe("0");
  expect(rows.ask("expire k 10 gt")).toBe("0");
  expect(rows.ask("expire k 10 LT")).toBe("1");
  expect(rows.ask("expire k 20 nx")).toBe("0");
  expect(rows.ask("expire k 10 gt")).toBe("0");
  expect(rows.ask("expire k 10 lt")).toBe("0");
  expect(rows.ask("expire k 20 xx gt")).toBe("1");
  expect(rows.ask("expire k 5 xx lt")).toBe("1");
  expect(rows.ask("ttl k")).toBe("5");
});

test("what no state could make valid is refused before anything is replicated, in Redis' words", () => {
  const rows = rowsAt(NOW_MS);
  const refused = (line: string, text: string): void => expect(rows.ask(line), line).toBe(`(error) ERR ${text}`);
  refused("expire k ten", "value is not an integer or out of range");
  refused("expire k 1.5", "value is not an integer or out of range");
  refused("expire k 9223372036854775808", "value is not an integer or out of range");
  refused("expire k 9223372036854775807", "invalid expire time in 'expire' command");
  refused("pexpireat k 9223372036854775807", "invalid expire time in 'pexpireat' command");
  refused("expire k 1 yy", "Unsupported option yy");
  refused("expire k 1 nx gt", "NX and XX, GT or LT options at the same time are not compatible");
  refused("expire k 1 gt lt", "GT and LT options at the same time are not compatible");
  refused("expire k", "wrong number of arguments for 'expire' command");
});

test("an option that nobody knows is quoted up to a length", () => {
  const rows = rowsAt(NOW_MS);
  const option = "x".repeat(100_000);
  expect(rows.ask(`expire k 1 ${option}`)).toBe(`(error) ERR Unsupported option ${"x".repeat(128)}`);
});
