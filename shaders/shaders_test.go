package shaders_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gputrain/shaders"
)

// TestCompile runs the reference compiler over every variant of every kernel.
func TestCompile(t *testing.T) {
	glslang, err := exec.LookPath("glslangValidator")
	if err != nil {
		if os.Getenv("GPUTRAIN_REQUIRE_GPU") == "1" {
			t.Fatalf("%v (make gpu-deps installs it)", err)
		}
		t.Skip(err)
	}
	programs := 0
	for _, name := range shaders.Kernels() {
		for _, defs := range shaders.Variants(name) {
			programs++
			t.Run(fmt.Sprint(name, defs), func(t *testing.T) {
				p := shaders.Assemble(name, defs...)
				cmd := exec.Command(glslang, "--stdin", "-S", "comp")
				cmd.Stdin = strings.NewReader(p.Text)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, p.Locate(string(out)))
				}
			})
		}
	}
	// More would take a user's first run too long.
	if programs > 200 {
		t.Errorf("%d programs, want at most 200", programs)
	}
}

// TestDefaults checks that each kernel is complete without a macro, and that
// its variants differ.
func TestDefaults(t *testing.T) {
	for _, name := range shaders.Kernels() {
		texts := map[string][]shaders.Define{}
		for _, defs := range shaders.Variants(name) {
			text := shaders.Assemble(name, defs...).Text
			if other, twice := texts[text]; twice {
				t.Errorf("%s: %v and %v give the same text", name, other, defs)
			}
			texts[text] = defs
		}
		plain := shaders.Assemble(name).Text
		if len(shaders.Variants(name)) > 1 && !strings.Contains(plain, "#ifndef") {
			t.Errorf("%s has variants and no defaults", name)
		}
	}
}

// TestHeader holds the first comment of each kernel, and its interface, to the
// rules of the package comment.
func TestHeader(t *testing.T) {
	binding := regexp.MustCompile(`layout\(std430, binding = (\d)\)`)
	for _, name := range shaders.Kernels() {
		text := shaders.Assemble(name).Text
		header, _, _ := strings.Cut(text, "#version")
		if !strings.HasPrefix(header, "// "+name+": ") || !strings.Contains(header, "\n// Grid    ") {
			t.Errorf("%s: the header does not begin with the name, or says no grid:\n%s", name, header)
		}
		for _, m := range binding.FindAllStringSubmatch(text, -1) {
			if m[1] > "7" {
				t.Errorf("%s: binding %s, a device need not have more than 8", name, m[1])
			}
		}
	}
}

func TestLocate(t *testing.T) {
	p := shaders.Assemble("lut_conv2d_fwd", shaders.Define{Name: "LUT_MODE", Value: 2})
	lines := strings.Split(p.Text, "\n")
	find := func(text string) int {
		for i, l := range lines {
			if strings.Contains(l, text) {
				return i + 1
			}
		}
		t.Fatalf("%q not found", text)
		return 0
	}
	for _, f := range []string{"0:%d(7): error: x", "0(%d) : error C0000: x", "ERROR: 0:%d: 'x'"} {
		for text, file := range map[string]string{
			"int am(uint w":     "include/lut.glsl",
			"sum += am(":        "lut_conv2d_fwd.comp",
			"#define LUT_MODE ": "lut_conv2d_fwd.comp",
		} {
			n := find(text)
			got := p.Locate(fmt.Sprintf(f, n))
			path := strings.TrimPrefix(got, "ERROR: ")
			at := regexp.MustCompile(`^` + regexp.QuoteMeta(file) + `:(\d+)\D`).FindStringSubmatch(path)
			if at == nil {
				t.Errorf("line %d of the text: %q, want %s", n, got, file)
				continue
			}
			// The line of the file, found again in the file.
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var number int
			if _, err := fmt.Sscan(at[1], &number); err != nil {
				t.Fatal(err)
			}
			want := lines[n-1]
			if strings.HasPrefix(want, "#define") {
				want = "#version 430 core" // it stands there
			}
			if got := strings.Split(string(data), "\n")[number-1]; got != want {
				t.Errorf("%s:%d is %q, want %q", file, number, got, want)
			}
		}
	}
	if got := p.Locate("0:99999(1): error"); got != "0:99999(1): error" {
		t.Errorf("a line that is none became %q", got)
	}
}

func TestAssemblePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no file":    func() { shaders.Assemble("nothing") },
		"no macro":   func() { shaders.Assemble("relu_fwd", shaders.Define{Name: "GRAD", Value: 0}) },
		"no variant": func() { shaders.Assemble("lut_conv2d_dw", shaders.Define{Name: "GRAD", Value: 3}) },
	} {
		err := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = errors.New(fmt.Sprint(r))
				}
			}()
			f()
			return nil
		}()
		if err == nil || !strings.HasPrefix(err.Error(), "shaders: ") {
			t.Errorf("%s: panic %v", name, err)
		}
	}
}
