import type { Reporter, TestModule } from "vitest/node";

/** Prints the one line by which CI judges a run: `N passed, N failed`; what was skipped is named before it. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      // A file that could not even be loaded has no tests to count, yet it is a failure.
      if (module.state() === "failed" && module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "passed") {
          passed += 1;
          const attempts = (test.diagnostic()?.retryCount ?? 0) + 1;
          if (attempts > 1) console.log(`passed only at attempt ${attempts}: ${module.moduleId} > ${test.fullName}`);
        } else if (state === "failed") failed += 1;
        else console.log(`skipped: ${module.moduleId} > ${test.fullName}`);
      }
    }
    console.log(`\n${passed} passed, ${failed} failed`);
  }
}
