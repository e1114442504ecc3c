/** What the host does for users and passwords; the simulator has its own. */
export interface Secrets {
  /** SHA-256 as 64 lower-case hex digits. */
  sha256Hex(bytes: Uint8Array): string;
  /** Random bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array;
}

/** Whether two texts are the same, in a time that tells nothing of where they differ. */
export function sameText(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let at = 0; at < left.length; at += 1) difference |= left.charCodeAt(at) ^ right.charCodeAt(at);
  return difference === 0;
}
