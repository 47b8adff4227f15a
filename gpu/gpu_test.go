//go:build cgo && !nogpu

package gpu_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"gputrain/gpu"
	"gputrain/model/backend/backendtest"
)

// device is nil on machines without a GPU or software renderer. Setting
// GPUTRAIN_REQUIRE_GPU=1 makes that a failure, so that CI cannot pass by
// skipping everything.
var device *gpu.Device

// TestMain opens the device of most tests. GPUTRAIN_TEST_DEVICE=N is
// Options.Device of all of them.
func TestMain(m *testing.M) {
	d, err := gpu.Open(gpu.Options{Debug: true, Device: testDevice(), Tune: gpu.TuneNever})
	switch {
	case err == nil:
		device = d
		fmt.Println("device:", d.Name(), "through", d.Info().Provider)
	case !errors.Is(err, gpu.ErrUnavailable) || os.Getenv("GPUTRAIN_REQUIRE_GPU") == "1":
		fmt.Println(err)
		os.Exit(1)
	default:
		fmt.Println("skipping:", err)
	}
	code := m.Run()
	if device != nil {
		device.Close()
	}
	os.Exit(code)
}

// testDevice returns the index of the device under test.
func testDevice() int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("GPUTRAIN_TEST_DEVICE"), "0"))
	if err != nil {
		panic(fmt.Sprintf("GPUTRAIN_TEST_DEVICE: %v", err))
	}
	return n
}

// need returns the device, or skips the test.
func need(t testing.TB) *gpu.Device {
	t.Helper()
	if device == nil {
		t.Skip(gpu.ErrUnavailable)
	}
	return device
}

func TestConformance(t *testing.T) { backendtest.Run(backendtest.Wrap(t), need(t)) }
