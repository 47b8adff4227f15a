package model

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// memoryChild, set in the environment, makes TestMemory the process that is
// measured.
const memoryChild = "GPUTRAIN_MEMORY_CHILD"

// TestMemory trains ResNet-18 for two steps of Adam in a process of its own:
// CIFAR stem, batch 64, an 8-bit multiplier in every layer. The memory that is
// planned and the most that is ever resident are both at most 1.5 GB, and
// within 10 % of each other.
func TestMemory(t *testing.T) {
	if os.Getenv(memoryChild) != "" {
		measureMemory(t)
		return
	}
	if testing.Short() || !largeNetworks {
		t.Skip("two steps of ResNet-18")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the peak of resident memory is read from /proc")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemory$", "-test.v")
	cmd.Env = append(os.Environ(), memoryChild+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var planned, peak int64
	_, after, _ := bytes.Cut(out, []byte("memory:"))
	if _, err := fmt.Sscan(string(after), &planned, &peak); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	t.Logf("%s\nplanned %.1f MB, peak resident %.1f MB", after, float64(planned)/1e6, float64(peak)/1e6)
	if planned > 1.5e9 || peak > 1.5e9 {
		t.Errorf("planned %d bytes, peak %d, want at most 1.5 GB", planned, peak)
	}
	if d := float64(peak) / float64(planned); d < 0.9 || d > 1.1 {
		t.Errorf("the peak of %d bytes is %.3f times the planned %d, want within 10 %%", peak, d, planned)
	}
}

func measureMemory(t *testing.T) {
	u8 := lut.Unsigned(8)
	b := cpuref.New()
	n := mustBuild(t, b, Config{Name: "resnet18", Stem: StemCIFAR, Input: [3]int{3, 32, 32}, Classes: 10, Batch: 64,
		Quantization: DefaultQuantization(), Default: bent(u8, u8)})
	type moments struct{ m, v backend.Tensor }
	var adam []moments
	for _, p := range n.Params() {
		adam = append(adam, moments{b.NewTensor(backend.F32, p.Shape), b.NewTensor(backend.F32, p.Shape)})
	}
	fill(n, 1)
	for s := 1; s <= 2; s++ {
		n.Forward(true)
		n.Loss(Loss{Scale: 1.0 / 64})
		n.Backward()
		for i, p := range n.Params() {
			b.AdamStep(p.Value, p.Grad, adam[i].m, adam[i].v, backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: s})
		}
	}
	if err := b.Sync(); err != nil {
		t.Fatal(err)
	}
	largest, weight := backend.Shape{64, 64, 32, 32}.Len(), 512*512*3*3
	if said, took := b.Expect(largest, weight), b.Scratch(); said < took/2 || said > 2*took {
		t.Errorf("scratch of %d bytes, of which %d were expected: want half to twice that", took, said)
	}
	s := n.Summary()
	fmt.Println("memory:", s.TotalBytes+2*s.Bytes["parameters"], peakResident(t))
	t.Log(s.Bytes)
}

// peakResident returns the most bytes that were ever resident.
func peakResident(t *testing.T) int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			var kib int64
			if _, err := fmt.Sscan(v, &kib); err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
