import { err } from "./errors.ts";
import type { Reply } from "./types.ts";

/** Milliseconds that a row can hold: beyond, a double would round. About 285,000 years. */
const EXPIRES_AT_MS_MAX: bigint = BigInt(Number.MAX_SAFE_INTEGER);

/** How a command gives a time: in which unit, and whether it counts from now or is a date. */
export interface ExpireForm {
  readonly unitMs: 1 | 1000;
  readonly relative: boolean;
}

export const EX: ExpireForm = { unitMs: 1000, relative: true };
export const PX: ExpireForm = { unitMs: 1, relative: true };
export const EXAT: ExpireForm = { unitMs: 1000, relative: false };
export const PXAT: ExpireForm = { unitMs: 1, relative: false };

export const invalidExpireTime = (command: string): Reply => err(`invalid expire time in '${command}' command`);

/**
 * The moment in log time (ms) that `value` means; undefined when it is beyond what a row can hold. `nowMs` is log time,
 * never a clock: every replica must come to the same moment. It may lie in the past, also before 1970.
 */
export function expireMoment(value: bigint, form: ExpireForm, nowMs: number): number | undefined {
  const moment = value * BigInt(form.unitMs) + (form.relative ? BigInt(nowMs) : 0n);
  return moment > EXPIRES_AT_MS_MAX || moment < -EXPIRES_AT_MS_MAX ? undefined : Number(moment);
}
