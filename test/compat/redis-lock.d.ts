/** The package has no types of its own. */
declare module "redis-lock" {
  type Release = () => Promise<unknown>;
  export default function redisLock(
    client: object,
    retryDelayMs?: number,
  ): (name: string, timeoutMs?: number) => Promise<Release>;
}
