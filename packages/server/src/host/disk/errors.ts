import { SherdError } from "../../core/base/index.ts";

export type SystemError = NodeJS.ErrnoException;

export function writeFailed(path: string, error: SystemError): SherdError {
  const full = error.code === "ENOSPC" || error.code === "EDQUOT";
  return new SherdError(full ? "SHERD_DISK_FULL" : "SHERD_DISK_WRITE_FAILED", `${path}: ${error.message}.`, {
    cause: error,
  });
}

export function readFailed(path: string, error: SystemError): SherdError {
  return new SherdError("SHERD_DISK_READ_FAILED", `${path}: ${error.message}.`, { cause: error });
}

export const isMissing = (error: unknown): boolean => (error as SystemError).code === "ENOENT";
