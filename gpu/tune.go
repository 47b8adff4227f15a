//go:build cgo && !nogpu

package gpu

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gputrain/model/backend"
)

// A tuner knows by which plan to run the operations of a class. It belongs to
// the goroutine that calls the device.
type tuner struct {
	measure bool               // what is not known
	used    map[class]plan     // what operations of this device have run by
	given   map[class]plan     // what SetChoices said of classes
	kinds   map[kind]plan      // what it said of all classes of a kind
	told    bool               // that it measures
	cache   *cache             // what was measured before; nil: nothing is kept
	dry     func(kernel) error // set while a plan is rehearsed: dispatches only compile
}

// startTuner reads what was measured before, if that is wanted.
func (d *Device) startTuner(o Options) {
	d.tuner.measure = o.Tune >= TuneAlways || o.Tune == TuneHardware && !d.info.Software
	if !d.tuner.measure {
		return
	}
	c, err := openCache(o.Cache, d.info)
	if err != nil {
		d.note(fmt.Sprintf("tuning anew: %v", err))
	}
	if o.Tune == TuneAgain {
		c.plans = map[class]plan{}
	}
	d.tuner.cache = c
}

// planned returns the plan for operations of class c, and whether one is known.
func (d *Device) planned(c class) (plan, bool) {
	t := &d.tuner
	if p, ok := t.used[c]; ok {
		return p, true
	}
	p, ok := t.given[c]
	if !ok {
		if p, ok = t.kinds[c.kind]; ok && !p.suits(c) {
			p = plan{}
		}
	}
	if !ok && t.cache != nil {
		p, ok = t.cache.plans[c]
	}
	if !ok && !t.measure {
		p, ok = c.standard(), true
	}
	if ok {
		t.used[c] = p
	}
	return p, ok
}

// tune finds the best plan for operations of class c by measuring run, which
// carries out one of them by a plan, and remembers it. run must give the same
// result each time.
func (d *Device) tune(c class, run func(plan)) plan {
	t := &d.tuner
	if !t.told {
		t.told = true
		d.note("measuring which kernels are fastest on this device, once for each size of layers")
	}
	best, least := plan{}, time.Duration(0)
	measured := map[plan]bool{}
	try := func(p plan) {
		if measured[p] {
			return
		}
		measured[p] = true
		took, err := d.time(p, run)
		if err != nil {
			d.note(fmt.Sprintf("tuning: %s does not run by %s: %v", c, p, err))
			return
		}
		if took > 0 && (least == 0 || took < least) {
			best, least = p, took
		}
	}
	d.silently(func() {
		for _, p := range c.plans() {
			try(p)
		}
		for _, splits := range []int{best.splits / 2, best.splits * 2} {
			if p := best; best.splits > 0 && splits > 0 && splits <= mostSplits {
				p.splits = splits
				try(p)
			}
		}
	})
	t.used[c] = best
	if t.cache != nil {
		if err := t.cache.add(c, best); err != nil {
			d.note(fmt.Sprintf("tuning: choices are not kept: %v", err))
			t.cache.file = "" // said once
		}
	}
	return best
}

// silently calls f with no dispatch in a profile.
func (d *Device) silently(f func()) {
	var record func(backend.Span)
	d.queue("tune", func() error {
		d.timer.fetchAll()
		record, d.timer.record = d.timer.record, nil
		return nil
	})
	f()
	d.queue("tune", func() error {
		d.timer.fetchAll()
		d.timer.record = record
		return nil
	})
}

// longEnough is a time that need not be measured twice.
const longEnough = 200 * time.Millisecond

// time returns how long run takes by p on the device, the least of three
// times. The error says that the driver does not take one of its kernels; a
// failure of the device is sticky.
func (d *Device) time(p plan, run func(plan)) (time.Duration, error) {
	var refused error
	d.tuner.dry = func(k kernel) error {
		return d.wait("tune", func() error {
			if _, err := d.program(k); err != nil && refused == nil {
				refused = err
			}
			return nil
		})
	}
	run(p)
	d.tuner.dry = nil
	if refused != nil {
		return 0, refused
	}
	var least time.Duration
	for i := range 4 {
		var took time.Duration
		d.queue("tune", func() error {
			d.timer.watchStart()
			return nil
		})
		run(p)
		_ = d.wait("tune", func() error { // a failure is sticky
			took = max(1, d.timer.watchStop())
			return nil
		})
		if i > 0 && (least == 0 || took < least) { // the first compiles and fills caches
			least = took
		}
		if i > 0 && took > longEnough {
			break
		}
	}
	return least, nil
}

// Choices implements [backend.Tuned].
func (d *Device) Choices() map[string]string {
	all := make(map[string]string, len(d.tuner.used))
	for k, p := range d.tuner.kinds {
		all[kindNames[k]] = p.String()
	}
	for _, plans := range []map[class]plan{d.tuner.given, d.tuner.used} {
		for c, p := range plans {
			all[c.String()] = p.String()
		}
	}
	return all
}

// SetChoices implements [backend.Tuned]. A key may also be a kind of operation
// alone, as in "forward": it then stands for all classes of it that are not
// named, as far as the variant suits them.
func (d *Device) SetChoices(choices map[string]string) error {
	given, kinds := map[class]plan{}, map[kind]plan{}
	for _, key := range slices.Sorted(maps.Keys(choices)) {
		p, err := parsePlan(choices[key])
		if err != nil {
			return fmt.Errorf("gpu: choice for %q: %w", key, err)
		}
		if i := slices.Index(kindNames[:], key); i >= 0 {
			kinds[kind(i)] = p
			continue
		}
		c, err := parseClass(key)
		if err == nil && !p.suits(c) {
			err = fmt.Errorf("%q cannot run by %s", key, p)
		}
		if err != nil {
			return fmt.Errorf("gpu: choice: %w", err)
		}
		given[c] = p
	}
	d.tuner.given, d.tuner.kinds, d.tuner.used = given, kinds, map[class]plan{}
	return nil
}

// note tells the caller something that is no failure.
func (d *Device) note(text string) {
	if d.notify != nil {
		d.notify(strings.TrimSpace(text))
	}
}
