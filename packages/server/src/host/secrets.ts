import { createHash, randomBytes } from "node:crypto";
import type { Secrets } from "../core/access/index.ts";

/** OpenSSL's hashes and the system's random bytes. */
export const hostSecrets: Secrets = {
  sha256Hex: (bytes) => createHash("sha256").update(bytes).digest("hex"),
  randomBytes: (count) => randomBytes(count),
};
