import { expect, test } from "vitest";
import { integerIn, parseMix, rangeIn, targetAddress } from "./options.ts";

test("the port follows the protocol unless it is given", () => {
  expect(targetAddress({ protocol: "resp", host: "h" }).port).toBe(6379);
  expect(targetAddress({ protocol: "grpc", host: "h" }).port).toBe(7000);
  expect(targetAddress({ protocol: "grpc", host: "h", port: 5 }).port).toBe(5);
});

test("whole numbers within bounds, and nothing that only begins like one", () => {
  const parse = integerIn(1, 100);
  expect([parse("1"), parse("100"), parse("007")]).toEqual([1, 100, 7]);
  for (const text of ["0", "101", "", " 1", "1.5", "1e2", "-1", "0x10", "9".repeat(40)]) {
    expect(() => parse(text), text).toThrow("A whole number from 1 to 100 is wanted.");
  }
});

test("ranges include both ends; one number is a range of one", () => {
  const parse = rangeIn(8, 1024);
  expect(parse("30-50")).toEqual({ min: 30, max: 50 });
  expect(parse("40")).toEqual({ min: 40, max: 40 });
  for (const text of ["50-30", "7-9", "8-1025", "8-", "-8", "8-9-10", "a-b", ""]) {
    expect(() => parse(text), text).toThrow("A range such as 8-1024 is wanted");
  }
});

test("a mix is made of weights", () => {
  expect(parseMix("put=.5,get=.25,delete=.25")).toEqual({ put: 0.5, get: 0.25, delete: 0.25 });
  expect(parseMix("get=3, put=1")).toEqual({ put: 0.25, get: 0.75, delete: 0 });
  for (const text of ["", "put", "put=", "put=x", "set=1", "put=1,put=1", "put=-1", "put=1;get=1"]) {
    expect(() => parseMix(text), text).toThrow("Weights such as put=.5,get=.25,delete=.25 are wanted");
  }
  expect(() => parseMix("put=0,get=0")).toThrow("above 0");
});
