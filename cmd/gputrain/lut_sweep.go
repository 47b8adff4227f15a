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
)

// sweptTable is one multiplier of a sweep: a row of its metrics.csv.
type sweptTable struct {
	Spec   string `json:"spec"`
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	lut.Metrics
	Power   *float64 `json:"power_uw"` // null if nobody published it
	KnownAs []string `json:"known_as"`
	Library string   `json:"library"` // of the power
}

// sweepJSON is the document of lut build --sweep.
type sweepJSON struct {
	Folder string       `json:"folder"`
	CSV    string       `json:"csv"`
	Tables []sweptTable `json:"tables"`
}

// sweepColumns are the columns of metrics.csv.
var sweepColumns = []string{"spec", "file", "sha256", "er", "med", "nmed", "mred", "wce", "mse", "bias", "power_uw", "known_as", "library"}

// sweepExtensions are the endings of files of a sweep.
var sweepExtensions = map[string]string{"meng": ".txt", "approxtorch": ".txt", "tfapprox": ".bin", "adapt": ".h", "bytes32": ".npy"}

// sweep tabulates the multipliers of the given sweeps into a folder, beside a
// metrics.csv.
func (a *app) sweep(sweeps []string, out *outputFlags) error {
	format, err := out.sweepFormat()
	if err != nil {
		return err
	}
	var specs []lut.Spec
	for _, s := range sweeps {
		some, err := lut.ParseSweep(s)
		if err != nil {
			return inputFault(err)
		}
		specs = append(specs, some...)
	}
	if err := os.MkdirAll(out.path, 0o755); err != nil {
		return err
	}

	done := sweepJSON{Folder: out.path, CSV: filepath.Join(out.path, "metrics.csv"), Tables: []sweptTable{}}
	for _, spec := range specs {
		t, err := spec.Table()
		if err != nil {
			return inputFault(err)
		}
		extension, ok := sweepExtensions[format]
		if !ok {
			extension = "." + format
		}
		row := sweptTable{Spec: spec.String(), File: strings.NewReplacer(":", "_", ",", "_", "=", "").Replace(spec.String()) + extension,
			SHA256: t.SHA256(), Metrics: t.Metrics(), KnownAs: []string{}}
		if slices.ContainsFunc(done.Tables, func(s sweptTable) bool { return s.File == row.File }) {
			continue // in two sweeps
		}
		row.know(catalog.Find(t))
		if err := saveTable(filepath.Join(out.path, row.File), format, t, lut.Gradients{}); err != nil {
			return err
		}
		done.Tables = append(done.Tables, row)
	}
	if err := writeSweep(done); err != nil {
		return err
	}

	if a.json {
		return a.printJSON(done)
	}
	a.printf("%-28s %9s %9s %8s %10s %9s\n", "spec", "ER %", "NMED %", "WCE", "bias", "power µW")
	for _, t := range done.Tables {
		power := ""
		if t.Power != nil {
			power = fmt.Sprintf("%g %s", *t.Power, t.Library)
		}
		a.printf("%-28s %9.4f %9.4f %8d %10.6g %9s\n", t.Spec, 100*t.ER, 100*t.NMED, t.WCE, t.Bias, power)
	}
	a.printf("%s: %d tables, and their metrics in %s\n", done.Folder, len(done.Tables), done.CSV)
	return nil
}

// sweepFormat checks the folder of a sweep and returns the format of its files.
func (o *outputFlags) sweepFormat() (string, error) {
	if o.path == "" {
		return "", usagef("no output: name the folder to write with -o FOLDER")
	}
	switch entries, err := os.ReadDir(o.path); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return "", usagef("%s is not a folder, want one for the tables of a sweep", o.path)
	case len(entries) > 0 && !o.force:
		return "", usagef("%s is not empty: choose another folder or write into it with --force", o.path)
	}
	if o.to == "" {
		return "npy", nil
	}
	if !slices.Contains(lut.Formats(), o.to) {
		return "", usagef("--to %s, want one of %s", o.to, strings.Join(lut.Formats(), ", "))
	}
	return o.to, nil
}

// know fills in what is published. Power in FreePDK45 goes before other
// libraries, for most circuits are known in it alone.
func (t *sweptTable) know(found []catalog.Match) {
	for _, m := range found {
		t.KnownAs = append(t.KnownAs, fmt.Sprintf("%s (%s)", m.Name, m.Source))
		if power := figure(m.Power); power != nil && (t.Power == nil || t.Library != "FreePDK45" && m.Library == "FreePDK45") {
			t.Power, t.Library = power, m.Library
		}
	}
}

// writeSweep writes metrics.csv, complete or not at all.
func writeSweep(s sweepJSON) error {
	return lut.WriteFile(s.CSV, func(out io.Writer) error {
		w := csv.NewWriter(out)
		w.Write(sweepColumns) // the first failure is kept for Error
		number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		for _, t := range s.Tables {
			power := ""
			if t.Power != nil {
				power = number(*t.Power)
			}
			w.Write([]string{t.Spec, t.File, t.SHA256, number(t.ER), number(t.MED), number(t.NMED), number(t.MRED),
				strconv.FormatInt(t.WCE, 10), number(t.MSE), number(t.Bias), power, strings.Join(t.KnownAs, "; "), t.Library})
		}
		w.Flush()
		return w.Error()
	})
}
