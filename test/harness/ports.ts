export { freePorts } from "../../packages/chaos/src/cluster/index.ts";
