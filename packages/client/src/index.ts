export { keySlot } from "./protocol/index.ts";
