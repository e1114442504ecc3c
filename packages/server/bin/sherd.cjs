#!/usr/bin/env node
// CommonJS on purpose: libuv sizes its thread pool when it is first used, and ES modules are loaded through it. Set
// later, the size would have no effect, and the log's writes would share four threads with the storage engine's jobs.
process.env.UV_THREADPOOL_SIZE ??= "16";
void import("../dist/cli/main.js");
