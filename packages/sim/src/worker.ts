// Runs the seeds that its parent sends, one after the other.

import { runJob } from "./job.ts";
import type { Job } from "./jobs.ts";

process.on("message", (job: Job) => {
  process.send?.(runJob(job));
});
process.on("disconnect", () => process.exit(0));
