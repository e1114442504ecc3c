// Judges histories with Porcupine, for the test that compares its verdicts with those of the simulator's checkers.
//
// Reads a history per line as JSON from standard input: {"operations": [...]}, where an operation
// is what checkers/history.ts calls one. Writes a verdict per line: Ok, Illegal or Unknown.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const timeout = 20 * time.Second

type operation struct {
	Client  int       `json:"client"`
	Kind    string    `json:"kind"`
	Keys    []string  `json:"keys"`
	Value   string    `json:"value"`
	Only    string    `json:"only"`
	Began   int64     `json:"began"`
	Ended   *int64    `json:"ended"`   // null: nobody learned how it ended
	Unknown bool      `json:"unknown"` // whatever it would have answered is right
	Text    *string   `json:"text"`    // the answer, where it is a value; null: nothing
	Texts   []*string `json:"texts"`   // the answers, where they are values
	Number  int       `json:"number"`  // the answer, where it is a number

	Commands []operation `json:"commands"` // of a transaction
	Watched  []watched   `json:"watched"`
}

type watched struct {
	Key   string  `json:"key"`
	Value *string `json:"value"` // null: there was none
}

type history struct {
	Operations []operation `json:"operations"`
}

// values is the state of the keys of one slot. Keys that do not exist are not in it.
type values map[string]string

func (state values) with(key, value string) values {
	next := values{key: value}
	for k, v := range state {
		if k != key {
			next[k] = v
		}
	}
	return next
}

func (state values) without(keys []string) (values, int) {
	next := values{}
	for k, v := range state {
		next[k] = v
	}
	for _, key := range keys {
		delete(next, key)
	}
	return next, len(state) - len(next)
}

func (state values) shows(key string, seen *string) bool {
	value, found := state[key]
	if seen == nil {
		return !found
	}
	return found && value == *seen
}

func stepValues(before, input, _ interface{}) (bool, interface{}) {
	state, op := before.(values), input.(operation)
	switch op.Kind {
	case "set":
		_, found := state[op.Keys[0]]
		fits := op.Only == "" || (op.Only == "xx") == found
		number := 0
		if fits {
			number = 1
		}
		answered := op.Unknown || op.Number == number
		if !fits {
			return answered, state
		}
		return answered, state.with(op.Keys[0], op.Value)
	case "get":
		return state.shows(op.Keys[0], op.Text), state
	case "del":
		next, count := state.without(op.Keys)
		return op.Unknown || count == op.Number, next
	case "exists":
		_, count := state.without(op.Keys)
		return count == op.Number, state
	case "mset":
		for _, key := range op.Keys {
			state = state.with(key, op.Value)
		}
		return true, state
	case "mget":
		for at, key := range op.Keys {
			if !state.shows(key, op.Texts[at]) {
				return false, state
			}
		}
		return true, state
	case "flush":
		return true, values{}
	case "expiry":
		if op.Value != "" && !state.shows(op.Keys[0], &op.Value) {
			return true, state
		}
		next, _ := state.without(op.Keys)
		return true, next
	case "exec":
		return stepExec(state, op)
	case "incr":
		count := 0
		fmt.Sscanf(state[op.Keys[0]], "%d", &count)
		return op.Unknown || count+1 == op.Number, state.with(op.Keys[0], fmt.Sprint(count+1))
	case "append":
		text := state[op.Keys[0]] + op.Value
		return op.Unknown || len(text) == op.Number, state.with(op.Keys[0], text)
	}
	panic("unknown kind " + op.Kind)
}

// stepExec does all of a transaction at once, or nothing. A watched key that is absent counts as unchanged.
func stepExec(state values, op operation) (bool, interface{}) {
	if !op.Unknown && op.Number == 0 {
		return true, state
	}
	for _, one := range op.Watched {
		if _, found := state[one.Key]; found && !state.shows(one.Key, one.Value) {
			return op.Unknown, state
		}
	}
	after := state
	for _, command := range op.Commands {
		command.Unknown = op.Unknown
		fits, next := stepValues(after, command, nil)
		if !fits && !op.Unknown {
			return false, state
		}
		after = next.(values)
	}
	return true, after
}

// One model serves all: a history that knows one key is a register, a counter or a list by its operations.
var model = porcupine.Model{
	Init: func() interface{} { return values{} },
	Step: stepValues,
	Equal: func(left, right interface{}) bool {
		return describe(left.(values)) == describe(right.(values))
	},
}

func describe(state values) string {
	pairs := make([]string, 0, len(state))
	for key, value := range state {
		pairs = append(pairs, key+"="+value)
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "\n")
}

func judge(one history) porcupine.CheckResult {
	operations := make([]porcupine.Operation, 0, len(one.Operations))
	for _, op := range one.Operations {
		ended := int64(math.MaxInt64)
		if op.Ended != nil {
			ended = *op.Ended
		}
		operations = append(operations, porcupine.Operation{
			ClientId: op.Client, Input: op, Call: op.Began, Output: op, Return: ended,
		})
	}
	return porcupine.CheckOperationsTimeout(model, operations, timeout)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one history
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(judge(one))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
