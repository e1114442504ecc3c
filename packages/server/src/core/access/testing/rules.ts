import { createHash } from "node:crypto";
import { utf8Bytes } from "../../base/index.ts";
import { hidePassword } from "../rules.ts";
import type { Secrets } from "../secrets.ts";
import { changeRules } from "../user.ts";

/** Passwords that are "random" in tests: the same every time. */
export const testSecrets: Secrets = {
  sha256Hex: (bytes) => createHash("sha256").update(bytes).digest("hex"),
  randomBytes: (count) => new Uint8Array(count).map((_, at) => at),
};

/** Rules that must be right. */
export function rulesOf(text: string, before?: string): string {
  const changed = changeRules(
    before,
    text.split(" ").map((word) => hidePassword(utf8Bytes(word), testSecrets)),
  );
  if ("problem" in changed) throw new Error(changed.problem);
  return changed.rules;
}
