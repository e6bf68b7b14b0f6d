package store_test

import (
	"errors"
	"os"
	"sync"
	"testing"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// start is the time at which every test begins.
var start = bench.Start

// parallel runs f n times at once and counts the answers of each kind.
func parallel(n int, f func(i int) error) map[error]int {
	var mu sync.Mutex
	found := map[error]int{}
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			err := f(i)
			var limited *store.Limited
			if errors.As(err, &limited) {
				err = errLimited
			}
			mu.Lock()
			found[err]++
			mu.Unlock()
		})
	}
	close(gate)
	wg.Wait()
	return found
}

// errLimited stands for every *store.Limited.
var errLimited = errors.New("limited")
