//go:build cgo && !nogpu

package gpu

import (
	"errors"
	"time"

	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/model/backend"
)

// A timer measures on the device, by timestamps before and behind what is
// measured. Their values are fetched when they have long been there, so that
// nothing waits for them. It belongs to the GL thread.
//
// OpenGL's own query of elapsed time says 0 for computations on llvmpipe.
type timer struct {
	ring   []measurement
	oldest int // of those that run, an index of ring
	run    int // how many do

	record func(backend.Span) // of a profile; nil: none
	zero   uint64             // the device's clock, in nanoseconds, when that began
	rates  map[kernel]float64 // loop turns a second that kernels have shown

	watch [2]uint32 // queries of watchStart and watchStop
}

// A measurement is a pair of timestamps, and of what.
type measurement struct {
	begin, end uint32 // names of queries
	span       backend.Span
	kernel     kernel
	turns      float64 // of loops, in all invocations; 0 where nobody asks for the rate
}

// timersInFlight is how many measurements may run: those of some steps of
// training a small network.
const timersInFlight = 1024

// start begins a measurement. Where too many run, the oldest ends first.
func (t *timer) start() *measurement {
	if t.ring == nil {
		t.ring = make([]measurement, timersInFlight)
		for i := range t.ring {
			gl.GenQueries(1, &t.ring[i].begin)
			gl.GenQueries(1, &t.ring[i].end)
		}
	}
	if t.run == len(t.ring) {
		t.fetch()
	}
	m := &t.ring[(t.oldest+t.run)%len(t.ring)]
	t.run++
	gl.QueryCounter(m.begin, gl.TIMESTAMP)
	return m
}

// stop ends m, the last measurement that was started.
func (t *timer) stop(m *measurement, span backend.Span, k kernel, turns float64) {
	gl.QueryCounter(m.end, gl.TIMESTAMP)
	m.span, m.kernel, m.turns = span, k, turns
}

// fetch ends the oldest measurement, waiting for it if need be.
func (t *timer) fetch() {
	m := &t.ring[t.oldest]
	t.oldest, t.run = (t.oldest+1)%len(t.ring), t.run-1
	var begin, end uint64
	gl.GetQueryObjectui64v(m.begin, gl.QUERY_RESULT, &begin)
	gl.GetQueryObjectui64v(m.end, gl.QUERY_RESULT, &end)
	if m.turns > 0 && end > begin {
		t.rates[m.kernel] = m.turns / (float64(end-begin) * 1e-9)
	}
	if t.record != nil && begin >= t.zero && m.span.Op != "" {
		m.span.Begin, m.span.End = time.Duration(begin-t.zero), time.Duration(end-t.zero)
		t.record(m.span)
	}
}

// fetchReady fetches the measurements that are done.
func (t *timer) fetchReady() {
	for t.run > 0 {
		var done int32
		if gl.GetQueryObjectiv(t.ring[t.oldest].end, gl.QUERY_RESULT_AVAILABLE, &done); done == 0 {
			return
		}
		t.fetch()
	}
}

// fetchAll waits for all measurements.
func (t *timer) fetchAll() {
	for t.run > 0 {
		t.fetch()
	}
}

// watchStart begins to measure all that follows, watchStop waits for it and
// returns how long it took. What is measured in between is its own.
func (t *timer) watchStart() {
	if t.watch[0] == 0 {
		gl.GenQueries(2, &t.watch[0])
	}
	gl.QueryCounter(t.watch[0], gl.TIMESTAMP)
}

func (t *timer) watchStop() time.Duration {
	gl.QueryCounter(t.watch[1], gl.TIMESTAMP)
	var begin, end uint64
	gl.GetQueryObjectui64v(t.watch[0], gl.QUERY_RESULT, &begin)
	gl.GetQueryObjectui64v(t.watch[1], gl.QUERY_RESULT, &end)
	return time.Duration(end - begin)
}

// Profile implements [backend.Profiler]. Spans are those of dispatches, and of
// what crosses the border. What is queued is not measured in part.
func (d *Device) Profile(record func(backend.Span)) {
	_ = d.wait("Profile", func() error { // a failure is sticky
		gl.Finish()
		d.timer.fetchAll()
		d.timer.record = record
		var now int64
		gl.GetInteger64v(gl.TIMESTAMP, &now)
		d.timer.zero = uint64(now)
		if now == 0 && record != nil {
			return errors.New("the driver has no clock (GL_TIMESTAMP is 0)")
		}
		return nil
	})
}

// Annotate implements [backend.Annotator].
func (d *Device) Annotate(layer string) { d.layer = layer }

// A dispatch of many loop turns is cut along its grid, so that a display that
// the device serves is drawn in between, and no watchdog ends it. Each slice is
// to take half of the tenth of a second that would be felt.
const (
	sliceTime = 50 * time.Millisecond

	// firstRate is the rate, in turns a second, at which the slices of a
	// kernel are cut that has not been measured: that of a slow device.
	firstRate = 1e9

	// longDispatch is the number of turns from which a dispatch is measured.
	longDispatch = 1 << 22
)

// slices returns how many slices a dispatch is cut into.
func (t *timer) slices(k kernel, turns float64) int {
	rate, ok := t.rates[k]
	if !ok {
		rate = firstRate
	}
	return 1 + int(turns/(rate*sliceTime.Seconds()))
}
