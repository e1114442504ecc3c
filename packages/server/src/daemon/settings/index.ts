/**
 * settings: what may be said of a node or a local cluster, by flags, environment and a file.
 *
 * `table.ts` is the only list: the flags of `sherd node` and `sherd start`, the variables, what a file may hold, what
 * `sherd config` prints and docs/configuration.md all come from it.
 *
 * Invariants
 * - Weight: flag, then environment, then file, then default. A setting comes whole from one of them.
 * - Nothing that was said is ignored: what is misspelled, or cannot be, is an error that names the place. Only a variable
 *   that begins with SHERD_ and is not known is a warning: others may have put it there.
 * - The value of a secret appears in no message, and not in what `sherd config` prints.
 *
 * It does not: know what the settings do, or change them while a node runs.
 */
export {
  CONFIG_VARIABLE,
  checkSettings,
  handedOn,
  type InForce,
  PASSWORD_VARIABLE,
  type Resolved,
  requireSettings,
  resolveSettings,
  type Source,
  sourceText,
  USER_VARIABLE,
} from "./resolve.ts";
export { fromText, isValue, textOf } from "./schema.ts";
export {
  type CommandName,
  defaultText,
  flagName,
  flagUsage,
  GROUPS,
  helpOf,
  SETTINGS,
  type Setting,
  type SettingName,
  type SettingValues,
  settingNames,
  variableName,
} from "./table.ts";
