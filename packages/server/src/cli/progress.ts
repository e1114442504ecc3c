import type { WriteStream } from "node:tty";
import { SingleBar } from "cli-progress";

export interface Progress {
  /** `done` only grows. Cheap: call it as often as is convenient. */
  update(done: number): void;
  stop(): void;
}

/** The rate is that of the last such interval, not of the whole run: a stall must be seen. */
const RATE_INTERVAL_MS = 500;
const LINES = 10;

export type ProgressOutput = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean };

/** A bar on a terminal, a plain line every tenth of the way elsewhere. Goes to standard error: standard output is for results. */
export function startProgress(
  label: string,
  total: number,
  output: ProgressOutput = process.stderr,
  nowMs: () => number = () => performance.now(),
): Progress {
  const show = output.isTTY === true ? bar(label, total, output as WriteStream) : lines(label, total, output);
  let rateFromMs = nowMs();
  let rateFromDone = 0;
  let rate: number | undefined;
  return {
    update(done) {
      const elapsedMs = nowMs() - rateFromMs;
      const current = elapsedMs > 0 ? Math.round(((done - rateFromDone) / elapsedMs) * 1000) : 0;
      if (elapsedMs >= RATE_INTERVAL_MS) {
        rate = current;
        rateFromMs += elapsedMs;
        rateFromDone = done;
      }
      show.update(done, rate ?? current);
    },
    stop: () => show.stop(),
  };
}

interface Display {
  update(done: number, rate: number): void;
  stop(): void;
}

function bar(label: string, total: number, stream: WriteStream): Display {
  const format = `${label} [{bar}] {percentage} %  {value}/{total}  {rate} ops/s`;
  const single = new SingleBar({ format, stream, hideCursor: false, barCompleteChar: "#", barIncompleteChar: "-" });
  single.start(total, 0, { rate: 0 });
  return {
    update: (done, rate) => single.update(done, { rate: rate.toLocaleString("en") }),
    stop: () => single.stop(),
  };
}

function lines(label: string, total: number, output: ProgressOutput): Display {
  let printed = 0;
  return {
    update(done, rate) {
      const tenth = total === 0 ? LINES : Math.floor((done / total) * LINES);
      if (tenth <= printed) return;
      printed = tenth;
      const counts = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      output.write(`${label}: ${tenth * LINES} % (${counts}), ${rate.toLocaleString("en")} ops/s\n`);
    },
    stop() {},
  };
}
