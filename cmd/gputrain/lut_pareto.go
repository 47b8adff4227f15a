package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gputrain/lut"
	"gputrain/lut/catalog"
	"gputrain/lut/plot"
)

// paretoPoint is one multiplier of a Pareto plot.
type paretoPoint struct {
	Name    string  `json:"name"`
	NMED    float64 `json:"nmed"`
	Power   float64 `json:"power_uw"`
	Library string  `json:"library"`
	Front   bool    `json:"front"` // no other of the library is better
}

// paretoJSON is the document of lut plot --kind pareto.
type paretoJSON struct {
	File    string        `json:"file"`
	Format  string        `json:"format"`
	Kind    string        `json:"kind"`
	Points  []paretoPoint `json:"points"`
	LeftOut []string      `json:"left_out"` // names without a published power
}

// plotPareto draws NMED against power of the given multipliers and tables of
// metrics.
func (a *app) plotPareto(p *plotFlags, format string, args []string) error {
	var points []plot.Point
	j := paretoJSON{File: p.path, Format: format, Kind: p.kind, Points: []paretoPoint{}, LeftOut: []string{}}
	for _, name := range args {
		if strings.EqualFold(filepath.Ext(name), ".csv") {
			some, without, err := loadPoints(name)
			if err != nil {
				return inputFault(err)
			}
			points, j.LeftOut = append(points, some...), append(j.LeftOut, without...)
			continue
		}
		in := &p.in
		if lut.IsSpec(name) {
			in = &loadFlags{cmd: in.cmd} // a spec says all of itself
		}
		m, err := in.load(a, name)
		if err != nil {
			return err
		}
		some := publishedPoints(m.Table)
		if some == nil {
			j.LeftOut = append(j.LeftOut, m.Table.Name())
		}
		points = append(points, some...)
	}
	if len(points) == 0 {
		return usagef("of %d multipliers none has a published power: nothing to draw", len(j.LeftOut))
	}
	picture, err := plot.Pareto(points)
	if err != nil {
		return inputFault(err)
	}
	if err := savePicture(picture, p.path); err != nil {
		return err
	}

	libraries := map[string][]plot.Point{}
	for _, q := range points {
		libraries[q.Library] = append(libraries[q.Library], q)
	}
	for _, q := range points {
		j.Points = append(j.Points, paretoPoint{q.Name, q.NMED, q.Power, q.Library, slices.Contains(plot.Front(libraries[q.Library]), q)})
	}
	if a.json {
		return a.printJSON(j)
	}
	a.printf("%-28s %9s %9s  %-12s %s\n", "multiplier", "NMED %", "power µW", "library", "front")
	for _, q := range j.Points {
		front := ""
		if q.Front {
			front = "yes"
		}
		a.printf("%-28s %9.4f %9g  %-12s %s\n", q.Name, 100*q.NMED, q.Power, q.Library, front)
	}
	if n := len(j.LeftOut); n > 0 {
		a.printf("left out, for no power is published: %d\n", n)
	}
	a.printf("%s: %s\n", j.File, j.Kind)
	return nil
}

// publishedPoints returns a point for each library of cells in which the power of
// t is published, the first of several, under its spec, else the published name.
func publishedPoints(t *lut.Table) (points []plot.Point) {
	for _, m := range catalog.Find(t) {
		known := slices.ContainsFunc(points, func(q plot.Point) bool { return q.Library == m.Library })
		if power := figure(m.Power); power != nil && !known {
			name := m.Name
			if lut.IsSpec(t.Name()) {
				name = t.Name()
			}
			points = append(points, plot.Point{Name: name, NMED: t.Metrics().NMED, Power: *power, Library: m.Library})
		}
	}
	return points
}

// maxPoints bounds the bytes of a table of metrics.
const maxPoints = 4 << 20

// loadPoints reads a table of metrics; see [readPoints].
func loadPoints(path string) ([]plot.Point, []string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	defer f.Close()
	points, without, err := readPoints(io.LimitReader(f, maxPoints+1))
	var line *lineError
	if errors.As(err, &line) {
		return nil, nil, &lut.FormatError{Path: path, Line: line.line, Err: line.err}
	}
	return points, without, err
}

// A lineError is a fault of a line of a file.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// readPoints reads a CSV with a header, as lut build --sweep writes it, of which
// it takes the columns spec (or name), nmed, power_uw and, if there, library. It
// returns the names of rows without power apart.
func readPoints(r io.Reader) (points []plot.Point, without []string, err error) {
	table := csv.NewReader(r)
	table.ReuseRecord = true
	header, err := table.Read()
	if err != nil {
		return nil, nil, csvFault(err, "no header of columns")
	}
	column := map[string]int{}
	for i, name := range header {
		column[strings.TrimSpace(strings.ToLower(name))] = i
	}
	if _, ok := column["spec"]; !ok {
		if at, ok := column["name"]; ok {
			column["spec"] = at
		}
	}
	for _, name := range []string{"spec", "nmed", "power_uw"} {
		if _, ok := column[name]; !ok {
			return nil, nil, &lineError{1, fmt.Errorf("no column %s, want spec (or name), nmed and power_uw as lut build --sweep writes them", name)}
		}
	}
	for {
		row, err := table.Read()
		if err == io.EOF {
			return points, without, nil
		}
		if err != nil {
			return nil, nil, csvFault(err, "no row")
		}
		line, _ := table.FieldPos(0)
		if table.InputOffset() > maxPoints {
			return nil, nil, &lineError{line, fmt.Errorf("more than %d MiB of metrics", maxPoints>>20)}
		}
		name := row[column["spec"]]
		if strings.TrimSpace(row[column["power_uw"]]) == "" {
			without = append(without, name)
			continue
		}
		q := plot.Point{Name: name}
		if at, ok := column["library"]; ok {
			q.Library = row[at]
		}
		for _, f := range []struct {
			column string
			to     *float64
			least  string
			ok     func(v float64) bool
		}{
			{"nmed", &q.NMED, "a fraction from 0 to 1", func(v float64) bool { return v >= 0 && v <= 1 }},
			{"power_uw", &q.Power, "µW, above 0", func(v float64) bool { return v > 0 && v < 1e12 }},
		} {
			text := row[column[f.column]]
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil || !f.ok(v) {
				return nil, nil, &lineError{line, fmt.Errorf("%s %q, want %s", f.column, text, f.least)}
			}
			*f.to = v
		}
		points = append(points, q)
	}
}

// csvFault says where a CSV is malformed.
func csvFault(err error, empty string) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return &lineError{parse.Line, parse.Err}
	case err == io.EOF:
		return &lineError{1, errors.New(empty)}
	}
	return err
}
