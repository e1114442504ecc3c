/** Redis' words for clients that route: which nodes to ask, how to make one reply of several, what to compare. */
export const CHANGES = "nondeterministic_output";
export const UNORDERED = "nondeterministic_output_order";

export const ALL_NODES = "request_policy:all_nodes";
export const ALL_SHARDS = "request_policy:all_shards";
export const MULTI_SHARD = "request_policy:multi_shard";
export const SPECIAL_REQUEST = "request_policy:special";

export const ALL_SUCCEEDED = "response_policy:all_succeeded";
export const ONE_SUCCEEDED = "response_policy:one_succeeded";
export const SUM = "response_policy:agg_sum";
export const SMALLEST = "response_policy:agg_min";
export const ALL_TRUE = "response_policy:agg_logical_and";
export const SPECIAL_REPLY = "response_policy:special";
