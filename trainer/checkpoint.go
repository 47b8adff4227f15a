package trainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gputrain/model/weights"
)

// checkpointFormat is the version of what follows, in the metadata of a file.
const checkpointFormat = "1"

// A progress is the place of a run and its running sums: with the tensors of a
// checkpoint, all that the next step depends on. It is kept as JSON, in which
// Go writes a float64 so that it reads back to the same bits.
type progress struct {
	Epoch int `json:"epoch"` // in hand, from 1; 0 is the calibration
	Batch int `json:"batch"` // batches of it that are done
	Step  int `json:"step"`  // optimizer steps made

	// Sums over the images of the epoch that have been looked at, and, not yet
	// added to them, what the device holds.
	Loss    float64    `json:"loss_sum"`
	Hits    float64    `json:"hits"`
	Top5    float64    `json:"top5"`
	Looked  int        `json:"looked"` // batches that these are of
	Pending [3]float32 `json:"pending"`

	Seconds float64 `json:"seconds"` // that the epoch has taken
	Wait    float64 `json:"wait"`    // of them, for images

	Calibrated *Record `json:"calibrated,omitempty"` // on the test split, these three
	Last       *Record `json:"last,omitempty"`
	Best       *Record `json:"best,omitempty"`
	Risen      *Record `json:"risen,omitempty"` // the last epoch that train.patience counts as better
	Lines      int     `json:"metrics_lines"`
}

// A checkpoint is the metadata of a saved run.
type checkpoint struct {
	Phase    Phase
	Recipe   string
	Tables   map[string]TableUse
	Data     map[string]string
	Progress progress
}

// metadata returns c in the form that a file keeps.
func (c *checkpoint) metadata() (map[string]string, error) {
	m := map[string]string{"gputrain": checkpointFormat, "phase": string(c.Phase), "recipe": c.Recipe}
	for name, v := range map[string]any{"tables": c.Tables, "data": c.Data, "progress": c.Progress} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("trainer: checkpoint: %s: %w", name, err)
		}
		m[name] = string(text)
	}
	return m, nil
}

// parseCheckpoint reads the metadata of a file that a run has saved.
func parseCheckpoint(m map[string]string) (*checkpoint, error) {
	switch m["gputrain"] {
	case checkpointFormat:
	case "":
		return nil, errors.New("weights alone, not the checkpoint of a run")
	default:
		return nil, fmt.Errorf("a checkpoint of format %q, want %q", m["gputrain"], checkpointFormat)
	}
	c := &checkpoint{Phase: Phase(m["phase"]), Recipe: m["recipe"]}
	for name, v := range map[string]any{"tables": &c.Tables, "data": &c.Data, "progress": &c.Progress} {
		if err := json.Unmarshal([]byte(m[name]), v); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", name, err)
		}
	}
	if p := c.Progress; p.Epoch < 0 || p.Batch < 0 || p.Step < 0 || p.Lines < 0 {
		return nil, fmt.Errorf("metadata %q: negative numbers", "progress")
	}
	return c, nil
}

// FromCheckpoint returns the recipe of the run that saved a checkpoint, with
// settings laid over it and Init set to the checkpoint. A file of weights alone
// gives an empty recipe, for the settings to fill.
func FromCheckpoint(path string, settings ...Setting) (*Recipe, error) {
	f, err := weights.ReadFile(path)
	if err != nil {
		return nil, &InputError{Err: err}
	}
	r, err := Parse(path, []byte(f.Metadata["recipe"]), settings...)
	if err != nil {
		return nil, err
	}
	r.Init = path
	return r, nil
}

// mismatch says in what the run that saved c differs from plan p, nil if in
// nothing that its bits depend on.
func (c *checkpoint) mismatch(p *Plan) error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if c.Phase != p.Phase {
		fault("the run's phase is %s, not %s", c.Phase, p.Phase)
	}
	old, err := Parse("recipe", []byte(c.Recipe))
	if err != nil {
		return err
	}
	// These change where files lie and when they are written.
	free := []string{"data.path", "data.cache_dir", "data.workers", "train.save_steps", "train.save_minutes"}
	was, is := flatten(old), flatten(p.Recipe)
	for _, field := range sortedKeys(merged(was, is)) {
		if was[field] != is[field] && !slices.Contains(free, field) {
			fault("%s is %s, the run's %s", field, orNone(is[field]), orNone(was[field]))
		}
	}
	for _, name := range sortedKeys(p.Tables) {
		is, was := p.Tables[name].SHA256, c.Tables[name].SHA256
		if was != "" && is != was {
			fault("the table of multiplier %s has digest %s, the run's %s", name, is, was)
		}
		if is, was := p.Tables[name].Histograms, c.Tables[name].Histograms; is != was {
			fault("the histograms of multiplier %s have digest %s, the run's %s", name, orNone(is), orNone(was))
		}
	}
	for _, split := range sortedKeys(p.DataSHA256) {
		if is, was := p.DataSHA256[split], c.Data[split]; is != was {
			fault("the %s images have digest %s, the run's %s", split, is, orNone(was))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// merged has the keys of both.
func merged(a, b map[string]string) map[string]string {
	m := map[string]string{}
	for k := range a {
		m[k] = ""
	}
	for k := range b {
		m[k] = ""
	}
	return m
}

// flatten returns the fields of a recipe that are not zero, as text, by path.
func flatten(r *Recipe) map[string]string {
	out := map[string]string{}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch {
		case v.Kind() == reflect.Struct:
			for _, name := range fieldNames(v) {
				f, _ := field(v, name)
				walk(f, join(path, name))
			}
		case !v.IsZero():
			out[path] = fmt.Sprint(reflect.Indirect(v).Interface())
		}
	}
	walk(reflect.ValueOf(r).Elem(), "")
	return out
}
