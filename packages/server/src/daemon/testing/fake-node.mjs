// Stands in for `sherd node` under the launcher. What it does is told by a JSON file in its data directory, so that a
// test can change its mind between two starts: {"node-1": "serve" | "refuse" | "crash" | "hang" | "deaf" | "mute"}.
import { appendFileSync, existsSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    cluster: { type: "string" },
    name: { type: "string" },
    data: { type: "string" },
    supervised: { type: "boolean" },
  },
});
const { name, data } = values;
const behaviours = join(data, "behaviours.json");
const behaviour = (existsSync(behaviours) && JSON.parse(readFileSync(behaviours, "utf8"))[name]) || "serve";
const note = (event) => appendFileSync(join(data, `${name}.events`), `${event} ${process.pid}\n`);

note(`start-${behaviour}`);
process.on("SIGINT", () => note("sigint"));
process.on("disconnect", () => {
  note("disconnect");
  process.exit(0);
});
process.on("message", (message) => {
  if (behaviour === "deaf") return;
  note(message.kind);
  process.exit(0);
});

if (behaviour === "refuse") {
  writeSync(2, `${name}: SHERD_LOG_DAMAGED: the fake log is damaged.\n`);
  process.exit(3);
} else if (behaviour === "crash") {
  process.exit(1);
} else {
  // In this order: who hears that it is ready may kill it at once.
  note("ready");
  process.send({ kind: "ready" });
  if (behaviour === "hang") {
    // A loop that does not turn: no heartbeat, no message heard, no signal handled.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000_000);
  }
  setInterval(() => process.send({ kind: "heartbeat" }), 20);
}
