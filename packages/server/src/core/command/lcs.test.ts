import { expect, test } from "vitest";
import { NOT_RESIDENT } from "./index.ts";
import { Rows } from "./testing/rows.ts";

function rowsOf(left: string, right: string): Rows {
  const rows = new Rows();
  rows.run("mset", "a", left, "b", right);
  return rows;
}

test("LCS answers the subsequence, its length, or where its runs are", () => {
  const rows = rowsOf("ohmytext", "mynewtext");
  expect(rows.ask("lcs a b")).toBe('"mytext"');
  expect(rows.ask("lcs a b len")).toBe("6");
  expect(rows.ask("lcs a b idx")).toBe('["matches" [[[4 7] [5 8]] [[2 3] [0 1]]] "len" 6]');
  expect(rows.ask("lcs a b idx minmatchlen 4 withmatchlen")).toBe('["matches" [[[4 7] [5 8] 4]] "len" 6]');
  expect(rows.ask("lcs a none")).toBe('""');
  expect(rows.ask("lcs a b len idx")).toMatch(/^\(error\) ERR If you want both/);
  expect(rows.ask("lcs a b minmatchlen")).toBe("(error) ERR syntax error");
});

test("two values whose table would be too large are refused", () => {
  const rows = rowsOf("a".repeat(1023), "a".repeat(2047));
  expect(rows.ask("lcs a b len")).toBe("1023");
  rows.ask("append b a");
  expect(rows.ask("lcs a b len")).toMatch(/^\(error\) ERR Insufficient memory, transient memory for LCS exceeds/);
});

test("LCS waits for both rows", () => {
  for (const gone of ["a", "b"]) {
    const rows = rowsOf("x", "x");
    rows.absent.add(gone);
    expect(rows.run("lcs", "a", "b")).toBe(NOT_RESIDENT);
  }
});
