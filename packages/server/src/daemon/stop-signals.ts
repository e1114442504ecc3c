import { SAME_SIGNAL_MS } from "./limits.ts";

/** The part of `process` that delivers signals. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/**
 * Calls `stop` at the first signal that asks the process to end and `stopNow` at a later one. Signals that follow the
 * first one at once are the same wish: npm and scripts pass a Ctrl-C on that the terminal has delivered already.
 */
export function onStopSignals(
  source: SignalSource,
  signals: readonly NodeJS.Signals[],
  stop: (signal: NodeJS.Signals) => void,
  stopNow: (signal: NodeJS.Signals) => void,
  nowMs: () => number = () => performance.now(),
): void {
  let firstMs: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    if (firstMs === undefined) {
      firstMs = nowMs();
      stop(signal);
    } else if (nowMs() - firstMs >= SAME_SIGNAL_MS) {
      stopNow(signal);
    }
  };
  for (const signal of signals) source.on(signal, listener);
}
