import { latin1 } from "../../base/index.ts";
import { array, bulkText, err, errorReply, integer, NIL, OK, type Reply, word } from "../../command/index.ts";
import type { Answers, LocalCall } from "./types.ts";

const NO_SCRIPTS = err(
  "sherd does not run scripts. Commands of one slot become one atomic step with MULTI, EXEC and WATCH.",
);
const NOT_BUSY = errorReply("NOTBUSY", "No scripts in execution right now.");

const flush =
  (problem: string) =>
  ({ args }: LocalCall): Reply => {
    const [mode, ...rest] = args;
    return rest.length === 0 && (mode === undefined || /^(a?sync)$/.test(word(mode))) ? OK : err(problem);
  };

function functionList({ args }: LocalCall): Reply {
  for (let at = 0; at < args.length; at += 1) {
    const option = word(args[at] as Uint8Array);
    if (option === "libraryname") {
      at += 1;
      if (args[at] === undefined) return err("library name argument was not given");
    } else if (option !== "withcode") {
      return err(`Unknown argument ${latin1((args[at] as Uint8Array).subarray(0, 64))}`);
    }
  }
  return array([]);
}

export const scriptingAnswers: Answers = {
  "function|delete": () => err("Library not found"),
  "function|flush": flush("FUNCTION FLUSH only supports SYNC|ASYNC option"),
  "function|kill": () => NOT_BUSY,
  "function|list": functionList,
  "function|load": () => NO_SCRIPTS,
  "function|stats": () => ({
    type: "map",
    entries: [
      [bulkText("running_script"), NIL],
      [bulkText("engines"), { type: "map", entries: [] }],
    ],
  }),
  "script|exists": ({ args }) => array(args.map(() => integer(0))),
  "script|flush": flush("SCRIPT FLUSH only support SYNC|ASYNC option"),
  "script|kill": () => NOT_BUSY,
  "script|load": () => NO_SCRIPTS,
};
