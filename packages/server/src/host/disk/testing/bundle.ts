import { join } from "node:path";
import { build } from "vite";

/** Makes a program for a child process out of a TypeScript source: Node 20 runs none by itself. Returns its path. */
export async function bundle(source: URL, into: string): Promise<string> {
  const name = "program.mjs";
  await build({
    logLevel: "error",
    build: {
      ssr: source.pathname,
      outDir: into,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: name } },
    },
  });
  return join(into, name);
}
