package lut

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxSweep bounds the number of specs of one sweep.
const MaxSweep = 1024

// ParseSweep reads a spec whose values may be ranges, and returns the specs of
// all combinations, the last parameter changing first:
//
//	trunc:8u,cols=2..12
//	bam:8u,v=0..8..2,h=0..2
//
// A range lo..hi..step ends at or before hi; the step is 1 if left out. Every
// spec of a sweep must be legal.
func ParseSweep(s string) ([]Spec, error) {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("lut: sweep %q: %w", s, fmt.Errorf(format, args...))
	}
	parts := strings.Split(s, ",")
	texts := parts[:1]
	for _, p := range parts[1:] {
		key, value, assigned := strings.Cut(p, "=")
		values := []string{p}
		if assigned {
			var err error
			if values, err = parseRange(value); err != nil {
				return nil, fault("%s: %w", key, err)
			}
			for i := range values {
				values[i] = key + "=" + values[i]
			}
		}
		if len(texts)*len(values) > MaxSweep {
			return nil, fault("more than %d multipliers", MaxSweep)
		}
		var longer []string
		for _, text := range texts {
			for _, v := range values {
				longer = append(longer, text+","+v)
			}
		}
		texts = longer
	}
	specs := make([]Spec, 0, len(texts))
	for _, text := range texts {
		spec, err := ParseSpec(text)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// parseRange returns the values of lo..hi or lo..hi..step, or a text without
// dots alone.
func parseRange(text string) ([]string, error) {
	if !strings.Contains(text, "..") {
		return []string{text}, nil
	}
	parts := strings.Split(text, "..")
	n := [3]int{2: 1}
	if len(parts) > len(n) {
		return nil, fmt.Errorf("%q, want lo..hi or lo..hi..step", text)
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil {
			return nil, fmt.Errorf("%q, want lo..hi or lo..hi..step in integers", text)
		}
		n[i] = v
	}
	lo, hi, step := n[0], n[1], n[2]
	switch {
	case step < 1:
		return nil, fmt.Errorf("%q has step %d, want 1 or more", text, step)
	case lo > hi:
		return nil, fmt.Errorf("%q begins after its end", text)
	case (uint(hi)-uint(lo))/uint(step) >= MaxSweep: // unsigned, so that no range overflows
		return nil, fmt.Errorf("%q has more than %d values", text, MaxSweep)
	}
	var values []string
	for v := lo; v <= hi && v >= lo; v += step {
		values = append(values, strconv.Itoa(v))
	}
	return values, nil
}
