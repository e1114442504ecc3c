import { latin1 } from "../../base/index.ts";
import {
  allCommands,
  arityFits,
  array,
  bulk,
  bulkText,
  type CommandSpec,
  categoriesOf,
  commandByName,
  commandDocs,
  commandEntry,
  err,
  findSubcommand,
  keysAndFlags,
  keysOf,
  NIL,
  type Reply,
  SYNTAX_ERROR,
  shardCommandOf,
  word,
} from "../../command/index.ts";
import { namePattern } from "./config.ts";
import { infoText } from "./info.ts";
import type { Answers, LocalCall } from "./types.ts";

const NO_MODULES = err("MODULE has nothing to load or unload: sherd has no modules.");

/** `get`, or `cluster|slots`. */
function named(name: Uint8Array): CommandSpec | undefined {
  const bar = name.indexOf(0x7c);
  if (bar < 0) return commandByName(name);
  const container = commandByName(name.subarray(0, bar));
  return container === undefined ? undefined : findSubcommand(container, name.subarray(bar + 1));
}

function getKeys({ args }: LocalCall, answer: (spec: CommandSpec, own: readonly Uint8Array[]) => Reply): Reply {
  const container = named(args[0] as Uint8Array);
  if (container === undefined) return err("Invalid command specified");
  const own = args.slice(1);
  const spec = shardCommandOf(container, own);
  if (spec.keys.first === 0) return err("The command has no key arguments");
  if (!arityFits(spec, own.length)) return err("Invalid number of arguments specified for command");
  return answer(spec, own);
}

/** Those with subcommands, too: each is named in full. */
const everyCommand: readonly CommandSpec[] = allCommands.flatMap((spec) => [spec, ...(spec.subcommands ?? [])]);

function commandList({ args }: LocalCall): Reply {
  const names = (specs: readonly CommandSpec[]): Reply => array(specs.map((spec) => bulkText(spec.name)));
  if (args.length === 0) return names(everyCommand);
  const [filterBy, kind, given] = args;
  if (args.length !== 3 || word(filterBy as Uint8Array) !== "filterby" || given === undefined) return SYNTAX_ERROR;
  switch (word(kind as Uint8Array)) {
    case "module":
      return names([]);
    case "aclcat":
      return names(everyCommand.filter((spec) => categoriesOf(spec).includes(`@${word(given)}`)));
    case "pattern": {
      const pattern = namePattern(given);
      return names(everyCommand.filter((spec) => pattern.matches(spec.name)));
    }
    default:
      return SYNTAX_ERROR;
  }
}

/** As many as there are: names may be repeated, and one of them stands for 10 KB. */
const TOO_MANY_NAMES = err(
  `names stand for more than the ${everyCommand.length} commands and subcommands that there are`,
);

function commandInfo({ args }: LocalCall): Reply {
  if (args.length === 0) return array(allCommands.map(commandEntry));
  const specs = args.map(named);
  if (specs.filter((spec) => spec !== undefined).length > everyCommand.length) return TOO_MANY_NAMES;
  return array(specs.map((spec) => (spec === undefined ? NIL : commandEntry(spec))));
}

/** Keys of a map: each once, however often it was named. */
function commandDocsOf({ args }: LocalCall): Reply {
  const specs = args.length === 0 ? allCommands : new Set(args.map(named).filter((spec) => spec !== undefined));
  return { type: "map", entries: [...specs].map(commandDocs) };
}

export const serverAnswers: Answers = {
  command: () => array(allCommands.map(commandEntry)),
  "command|count": () => ({ type: "integer", value: allCommands.length }),
  "command|docs": commandDocsOf,
  "command|getkeys": (call) => getKeys(call, (spec, own) => array(keysOf(spec, own).map(bulk))),
  "command|getkeysandflags": (call) => getKeys(call, keysAndFlags),
  "command|info": commandInfo,
  "command|list": commandList,
  "module|list": () => array([]),
  "module|load": () => NO_MODULES,
  "module|loadex": () => NO_MODULES,
  "module|unload": () => NO_MODULES,
  info: ({ args, connections }) => ({
    type: "verbatim",
    format: "txt",
    text: infoText(
      connections,
      args.map((arg) => latin1(arg).toLowerCase()),
    ),
  }),
};
