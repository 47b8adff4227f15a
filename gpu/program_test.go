//go:build cgo && !nogpu

package gpu_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"gputrain/gpu"
	"gputrain/shaders"
)

// TestCompile compiles every variant of every kernel with the driver.
func TestCompile(t *testing.T) {
	d := open(t, gpu.Options{})
	all := 0
	for _, name := range shaders.Kernels() {
		for _, defs := range shaders.Variants(name) {
			all++
			if err := d.Compile(name, defs); err != nil {
				t.Fatalf("%v: %v", defs, err)
			}
		}
	}
	if n := d.Programs(); n != all {
		t.Errorf("%d programs of %d variants", n, all)
	}
}

// TestCompileError checks that a driver's complaint about an included file
// names that file and the line in it.
func TestCompileError(t *testing.T) {
	d := open(t, gpu.Options{})
	p := shaders.Assemble("lut_conv2d_fwd")
	const line = "int am(uint w, uint x, int row_bits) {"
	if !strings.Contains(p.Text, line) {
		t.Fatalf("lut.glsl has no line %q", line)
	}
	p.Text = strings.Replace(p.Text, line, "int am(uint w, uint x, nonsense row_bits) {", 1)
	data, err := os.ReadFile("../shaders/include/lut.glsl")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(data), line)
	want := fmt.Sprintf("compile lut_conv2d_fwd: include/lut.glsl:%d", strings.Count(before, "\n")+1)
	if err := d.CompileSource(p); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
