package cpuref

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
)

// A task is work in parts that can be done at the same time, in any order.
type task interface {
	// part does part i. Parts write to memory of their own, so that the result
	// depends neither on the schedule nor on the number of threads. worker, in
	// [0, threads), is that of the thread and is there to choose scratch memory
	// by; no result may depend on it.
	part(i, worker int)
}

// run calls part(0, …), …, part(n−1, …) of a T with the value t on the threads
// of c, the caller's among them, and returns when all have returned:
//
//	run(c, pieces(len(y)), addTask{y, a, b})
//
// The parts and their number must follow from shapes only. A part should be
// worth some microseconds. The value lives in c during the call, so that tasks
// make no garbage: one of each type is kept.
func run[T any, P interface {
	*T
	task
}](c *CPU, n int, t T) {
	key := reflect.TypeFor[T]()
	kept, ok := c.kept[key].(P)
	if !ok {
		kept = new(T)
		c.kept[key] = kept
	}
	*kept = t
	if n <= 1 || c.crew.threads == 1 {
		for i := range n {
			kept.part(i, 0)
		}
	} else {
		c.crew.run(n, kept)
	}
	var none T
	*kept = none // or it would keep the memory of freed tensors
}

// piece is the number of elements that one part of an operation on elements
// works on: a few microseconds, and little enough for the innermost caches.
const piece = 8192

// pieces returns the number of pieces of n elements.
func pieces(n int) int { return (n + piece - 1) / piece }

// within returns the bounds of piece i of n elements.
func within(i, n int) (lo, hi int) { return i * piece, min((i+1)*piece, n) }

// A crew is the caller and threads−1 goroutines, which wait for work between
// operations.
type crew struct {
	threads int
	wake    chan struct{} // a token invites one goroutine; nil while none runs
	done    chan struct{} // the last part was finished by a goroutine

	mu      sync.Mutex // guards what follows
	task    task
	n, next int // parts, and the first that nobody has taken
	pending int // parts not finished
	fault   any // of the first part that panicked
}

// run does the parts of t.
//
// It waits for parts and not for goroutines: one that wakes up late finds
// nothing to do, or a part of a later operation.
func (c *crew) run(n int, t task) {
	c.start()
	c.mu.Lock()
	c.task, c.n, c.next, c.pending = t, n, 0, n
	c.mu.Unlock()
	for range min(c.threads, n) - 1 {
		select {
		case c.wake <- struct{}{}:
		default: // as many are invited as there are
		}
	}
	if !c.work(0) {
		<-c.done
	}
	c.mu.Lock()
	fault := c.fault
	c.task, c.fault = nil, nil
	c.mu.Unlock()
	if fault != nil {
		panic(fault)
	}
}

// work does parts until none is left. It reports whether it finished the last.
func (c *crew) work(worker int) (last bool) {
	for {
		c.mu.Lock()
		t, i := c.task, c.next
		if i >= c.n {
			c.mu.Unlock()
			return last
		}
		c.next++
		c.mu.Unlock()

		c.part(t, i, worker)

		c.mu.Lock()
		c.pending--
		last = c.pending == 0
		c.mu.Unlock()
	}
}

// part does a part. A panic is kept for run, to reach the goroutine that called
// the operation, where it can be recovered; its stack goes with it.
func (c *crew) part(t task, i, worker int) {
	defer func() {
		if fault := recover(); fault != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.fault == nil {
				c.fault = fmt.Sprintf("%v\n%s", fault, debug.Stack())
			}
		}
	}()
	t.part(i, worker)
}

// start starts the goroutines if they do not run.
func (c *crew) start() {
	if c.wake != nil {
		return
	}
	wake := make(chan struct{}, c.threads-1)
	c.wake, c.done = wake, make(chan struct{}, 1)
	for worker := 1; worker < c.threads; worker++ {
		go func() {
			for range wake {
				if c.work(worker) {
					c.done <- struct{}{}
				}
			}
		}()
	}
}

// stop ends the goroutines; start may follow.
func (c *crew) stop() {
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
}
