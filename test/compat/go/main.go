// What applications do with go-redis, unchanged: against a cluster port and a forwarding port of a running cluster.
//
// Usage: go run . HOST:CLUSTER_PORT HOST:RESP_PORT HOST:OTHER_RESP_PORT
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Sprintf("%s: got %v, want %v", what, got, want))
	}
}

func value[T any](result T, err error) T {
	must(err)
	return result
}

func common(client redis.UniversalClient) {
	for n := 0; n < 200; n++ {
		must(client.Set(ctx, fmt.Sprintf("user:%d", n), n, 0).Err())
	}
	for n := 0; n < 200; n++ {
		equal("a value", value(client.Get(ctx, fmt.Sprintf("user:%d", n)).Int()), n)
	}
	_, err := client.Get(ctx, "no such key").Result()
	equal("a missing key", err, error(redis.Nil))

	must(client.Del(ctx, "once").Err())
	equal("SET NX", value(client.SetNX(ctx, "once", 1, 100*time.Second).Result()), true)
	equal("SET NX again", value(client.SetNX(ctx, "once", 2, 100*time.Second).Result()), false)
	equal("TTL", value(client.TTL(ctx, "once").Result()) > 90*time.Second, true)

	must(client.Del(ctx, "visits").Err())
	equal("INCRBY", value(client.IncrBy(ctx, "visits", 42).Result()), 42)
	must(client.MSet(ctx, "{a}1", "x", "{a}2", "y").Err())
	equal("MGET", fmt.Sprint(value(client.MGet(ctx, "{a}1", "{a}2", "{a}3").Result())), "[x y <nil>]")

	pipe := client.Pipeline()
	for n := 0; n < 100; n++ {
		pipe.Set(ctx, fmt.Sprintf("p%d", n), n, 0)
	}
	equal("replies of a pipeline", len(value(pipe.Exec(ctx))), 100)

	transaction := client.TxPipeline()
	transaction.Set(ctx, "{t}", 1, 0)
	count := transaction.Incr(ctx, "{t}")
	must(errorOf(transaction.Exec(ctx)))
	equal("INCR in a transaction", count.Val(), 2)

	watched := func(tx *redis.Tx) error {
		must(client.Set(ctx, "{t}", "changed", 0).Err())
		return errorOf(tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			return pipe.Set(ctx, "{t}", "lost", 0).Err()
		}))
	}
	equal("WATCH", errors.Is(client.Watch(ctx, watched, "{t}"), redis.TxFailedErr), true)
	equal("what WATCH kept", value(client.Get(ctx, "{t}").Result()), "changed")
}

func errorOf(_ []redis.Cmder, err error) error { return err }

func walk(client redis.Cmdable) int {
	found := 0
	iterator := client.Scan(ctx, 0, "user:*", 50).Iterator()
	for iterator.Next(ctx) {
		found++
	}
	must(iterator.Err())
	return found
}

func hear(subscriber redis.UniversalClient, publisher redis.UniversalClient) {
	subscription := subscriber.Subscribe(ctx, "news")
	defer subscription.Close()
	value(subscription.Receive(ctx))
	must(publisher.Publish(ctx, "news", "hello").Err())
	select {
	case message := <-subscription.Channel():
		equal("a message", message.Payload, "hello")
	case <-time.After(10 * time.Second):
		panic("no message in 10 s")
	}
}

func main() {
	for _, protocol := range []int{2, 3} {
		cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{os.Args[1]}, Protocol: protocol})
		plain := redis.NewClient(&redis.Options{Addr: os.Args[2], Protocol: protocol})
		other := redis.NewClient(&redis.Options{Addr: os.Args[3], Protocol: protocol})
		common(cluster)
		fmt.Println("ok: cluster, protocol", protocol)
		common(plain)
		fmt.Println("ok: plain, protocol", protocol)
		equal("keys found", walk(plain), 200)
		fmt.Println("ok: scan, protocol", protocol)
		hear(plain, other)
		hear(cluster, other)
		fmt.Println("ok: pub/sub, protocol", protocol)
		must(cluster.Close())
		must(plain.Close())
		must(other.Close())
	}
	fmt.Println("all ok")
}
