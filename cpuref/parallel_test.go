package cpuref

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A countTask counts the calls of each part.
type countTask struct {
	calls   []atomic.Int32
	workers []atomic.Int32
	slow    bool // so that all threads get a part
}

func (t *countTask) part(i, worker int) {
	t.calls[i].Add(1)
	t.workers[worker].Add(1)
	if t.slow {
		time.Sleep(time.Millisecond)
	}
}

func TestRunDoesEachPartOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		c := NewThreads(threads)
		for _, n := range []int{0, 1, 2, 3, 7, 100} {
			calls, workers := make([]atomic.Int32, n), make([]atomic.Int32, threads)
			for round := range 50 {
				run(c, n, countTask{calls: calls, workers: workers})
				for i := range calls {
					if got := calls[i].Load(); got != int32(round+1) {
						t.Fatalf("%d threads, %d parts: part %d done %d times in %d runs", threads, n, i, got, round+1)
					}
				}
			}
		}
		c.Close()
	}
}

func TestRunUsesAllThreads(t *testing.T) {
	const threads, n = 3, 30
	c := NewThreads(threads)
	defer c.Close()
	calls, workers := make([]atomic.Int32, n), make([]atomic.Int32, threads)
	run(c, n, countTask{calls: calls, workers: workers, slow: true})
	for i := range workers {
		if workers[i].Load() == 0 {
			t.Errorf("thread %d did none of %d parts", i, n)
		}
	}
}

func TestCloseAndGoOn(t *testing.T) {
	c := NewThreads(2)
	for range 3 {
		calls, workers := make([]atomic.Int32, 5), make([]atomic.Int32, 2)
		run(c, 5, countTask{calls: calls, workers: workers})
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("part %d done %d times", i, got)
			}
		}
		c.Close()
		c.Close() // once more does nothing
	}
}

func TestScratch(t *testing.T) {
	c := NewThreads(1)
	work := func() {
		defer c.release()
		a := scratch[int32](c, 1000)
		b := scratch[uint8](c, 1<<20) // a second block
		d := scratch[float32](c, 3)
		for i := range a {
			a[i] = 1
		}
		for i := range b {
			b[i] = 2
		}
		for i := range d {
			d[i] = 3
		}
		for _, v := range a {
			if v != 1 {
				t.Fatal("scratch memory overlaps")
			}
		}
	}
	work()
	if n := testing.AllocsPerRun(10, work); n > 0 {
		t.Errorf("%v allocations a run, want 0 after the first", n)
	}
}

// A panicTask panics in one part.
type panicTask struct{ in int }

func (t *panicTask) part(i, _ int) {
	time.Sleep(time.Millisecond)
	if i == t.in {
		panic("as asked")
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	c := NewThreads(3)
	defer c.Close()
	for in := range 6 {
		func() {
			defer func() {
				if fault := recover(); !strings.HasPrefix(fmt.Sprint(fault), "as asked\n") {
					t.Errorf("part %d: recovered %v", in, fault)
				}
			}()
			run(c, 6, panicTask{in})
		}()
	}
}
