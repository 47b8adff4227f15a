//go:build cgo && !nogpu

package gpu_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"gputrain/gpu"
	"gputrain/model/backend"
)

// open opens a device of the test's own, where a shared one would be spoilt. It
// does not measure kernels without a place to keep the figures.
func open(t *testing.T, o gpu.Options) *gpu.Device {
	t.Helper()
	need(t)
	if o.Cache == "" {
		o.Tune = gpu.TuneNever
	}
	o.Debug, o.Device = true, testDevice()
	d, err := gpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// failing returns a Fault that lets so many calls of a name pass and fails the
// next ones with err, as many as times says.
func failing(call string, after, times int, err error) func(string) error {
	return func(c string) error {
		if c != call {
			return nil
		}
		if after--; after < 0 && after >= -times {
			return err
		}
		return nil
	}
}

// TestSticky checks that after a failure operations do nothing, and that every
// Read and Sync returns that failure, with the memory that was asked for, not
// one that follows from it.
func TestSticky(t *testing.T) {
	for _, c := range []struct {
		call  string
		after int
		fault error
		want  string
	}{
		{"DispatchCompute", 0, gpu.ErrOutOfMemory, "gpu: ReLU: relu_fwd on buffers of 512 bytes: "},
		{"DispatchCompute", 1, gpu.ErrContextLost, "gpu: Add: add_fwd on buffers of 768 bytes: "},
		{"BufferData", 0, gpu.ErrOutOfMemory, "gpu: NewTensor: tensor 2 f32: 8 bytes: "},
		{"BufferData", 1, gpu.ErrContextLost, "gpu: NewTensor: tensor 300 i32: 1200 bytes: "},
	} {
		d := open(t, gpu.Options{Fault: failing(c.call, c.after, 1<<30, c.fault)})
		x := d.NewTensor(backend.F32, backend.Shape{2})
		d.Write(x, []float32{-1, 2})
		d.ReLU(x, x)
		d.NewTensor(backend.I32, backend.Shape{300})
		d.Add(x, x, x)
		d.Free(x)
		got := make([]float32, 2)
		y := d.NewTensor(backend.F32, backend.Shape{2})
		for range 2 {
			for _, err := range []error{d.Read(got, y), d.Sync()} {
				var e *gpu.Error
				if !errors.As(err, &e) || !errors.Is(err, c.fault) || err.Error() != c.want+c.fault.Error() {
					t.Errorf("error %v, want %s%v", err, c.want, c.fault)
				}
			}
		}
	}
}

// TestLabels checks that a label that is no class, which only the device sees,
// is a failure with the first such row.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels, mixed []int32
		want          string
	}{
		{[]int32{0, 2, -1}, nil, ""},
		{[]int32{0, 3, 7}, nil, "gpu: SoftmaxCrossEntropy: the label of row 1 is none of 3 classes"},
		{[]int32{0, 1, -2}, nil, "gpu: SoftmaxCrossEntropy: the label of row 2 is none of 3 classes"},
		{[]int32{1, 1, -1}, []int32{2, 0, 99}, ""},
		{[]int32{1, 1, 2}, []int32{2, -1, 0}, "gpu: SoftmaxCrossEntropy: the label of row 1 is none of 3 classes"},
	} {
		d := open(t, gpu.Options{})
		stats, logits := d.NewTensor(backend.F32, backend.Shape{3}), d.NewTensor(backend.F32, backend.Shape{3, 3})
		targets := backend.Targets{Labels: d.NewTensor(backend.I32, backend.Shape{3})}
		d.Write(targets.Labels, c.labels)
		if c.mixed != nil {
			targets.Mixed, targets.Lambda = d.NewTensor(backend.I32, backend.Shape{3}), 0.5
			d.Write(targets.Mixed, c.mixed)
		}
		d.SoftmaxCrossEntropy(stats, d.NewTensor(backend.F32, backend.Shape{3, 3}), logits, targets, 1)
		for range 2 {
			got := ""
			if err := d.Read(make([]float32, 3), stats); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("labels %v: %q, want %q", c.labels, got, c.want)
			}
		}
	}
}

// TestDebug checks that a debug context turns a refused call into an error that
// says what was wrong.
func TestDebug(t *testing.T) {
	d := open(t, gpu.Options{})
	err := d.Do(gpu.BreakGL)
	if err == nil || !strings.Contains(err.Error(), "UseProgram") {
		t.Errorf("error %v, want the driver's message", err)
	}
	if again := d.Sync(); again == nil || again.Error() != err.Error() {
		t.Errorf("then %v, want the same", again)
	}
}

// TestReleaseBuild checks that without a debug context the error comes at the
// next Sync.
func TestReleaseBuild(t *testing.T) {
	need(t)
	d, err := gpu.Open(gpu.Options{Device: testDevice()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Do(gpu.BreakGL); err == nil || !strings.Contains(err.Error(), "GL_INVALID") {
		t.Errorf("error %v", err)
	}
}

// TestTwoDevices computes on two devices at the same time.
func TestTwoDevices(t *testing.T) {
	need(t)
	var all sync.WaitGroup
	for i := range 2 {
		d := open(t, gpu.Options{})
		all.Go(func() {
			x := d.NewTensor(backend.F32, backend.Shape{1000})
			data, got := make([]float32, 1000), make([]float32, 1000)
			for j := range data {
				data[j] = float32(i + 1)
			}
			d.Write(x, data)
			for range 10 {
				d.Add(x, x, x)
			}
			if err := d.Read(got, x); err != nil {
				t.Error(err)
			}
			for j, v := range got {
				if v != float32(i+1)*1024 {
					t.Errorf("device %d: element %d is %v", i, j, v)
					return
				}
			}
		})
	}
	all.Wait()
}
