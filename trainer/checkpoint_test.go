package trainer

import (
	"math"
	"reflect"
	"testing"
)

// TestCheckpointMetadata writes every field of the progress, with values that
// have no short decimal form, and reads the same bits.
func TestCheckpointMetadata(t *testing.T) {
	rec := &Record{Event: "epoch", Phase: Retrain, Epoch: 3, Split: "test", Loss: 1.0 / 3, Accuracy: 2.0 / 3, LR: 1e-30}
	want := &checkpoint{Phase: Retrain, Recipe: "model: {name: mlp}\n", Tables: map[string]TableUse{"a b": {SHA256: "00", W: "8u", X: "7s", Gradient: "lut2d", HWS: 3}},
		Data: map[string]string{"train": "11"},
		Progress: progress{Epoch: 4, Batch: 5, Step: 1 << 40, Loss: math.Pi * 1e5, Hits: 1e6, Looked: 3, Pending: [3]float32{math.MaxFloat32, 1.0 / 3, 5},
			Seconds: math.Nextafter(1, 2), Wait: 0.1, Calibrated: rec, Last: rec, Best: rec, Lines: 8}}
	m, err := want.metadata()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseCheckpoint(m)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, wrote %+v", got, want)
	}
}

func TestCheckpointFaults(t *testing.T) {
	good, err := (&checkpoint{}).metadata()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ key, value, want string }{
		{"gputrain", "", "weights alone, not the checkpoint of a run"},
		{"gputrain", "2", `a checkpoint of format "2", want "1"`},
		{"tables", "", `metadata "tables": unexpected end of JSON input`},
		{"progress", `{"step":-1}`, `metadata "progress": negative numbers`},
	} {
		was := good[tt.key]
		good[tt.key] = tt.value
		if _, err := parseCheckpoint(good); err == nil || err.Error() != tt.want {
			t.Errorf("%s = %q: error %v, want %s", tt.key, tt.value, err, tt.want)
		}
		good[tt.key] = was
	}
}

// FuzzCheckpoint holds that metadata of any content is read or refused, and
// that what is read can be written.
func FuzzCheckpoint(f *testing.F) {
	good, err := (&checkpoint{Phase: Pretrain, Recipe: small}).metadata()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good["gputrain"], good["tables"], good["data"], good["progress"])
	f.Add("1", `{"a":null}`, `null`, `{"epoch":1e3,"pending":[1]}`)
	f.Add("1", `[]`, `{"train":1}`, `{"loss_sum":1e999}`)
	f.Fuzz(func(t *testing.T, format, tables, data, progress string) {
		c, err := parseCheckpoint(map[string]string{"gputrain": format, "tables": tables, "data": data, "progress": progress})
		if err != nil {
			return
		}
		if _, err := c.metadata(); err != nil {
			t.Error(err)
		}
	})
}
