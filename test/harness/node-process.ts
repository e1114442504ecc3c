import { SherdProcess } from "../../packages/chaos/src/cluster/index.ts";

export { SherdProcess } from "../../packages/chaos/src/cluster/index.ts";

/** Runs a subcommand to its end. */
export async function sherd(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = new SherdProcess(args);
  const { code } = await child.ended;
  return { code, output: child.output };
}
