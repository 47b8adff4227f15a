package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "gputrain/"

// floors lists the packages of this module, each with those of this module and
// those from outside that it may import besides the standard library. Outside
// packages are named by a prefix of their path. Tests may import more.
//
// A package must come after all that it imports, which leaves no room for
// cycles, nor for layers that reach around each other.
var floors = []struct {
	pkg     string
	imports string
	outside string
}{
	{"lut", "", "gonum.org/v1/gonum"},
	{"lut/netlist", "lut", ""},
	{"lut/catalog", "lut", ""},
	{"lut/plot", "lut", "gonum.org/v1/plot codeberg.org/go-pdf/fpdf"}, // fpdf: to fix the date that gonum/plot leaves to it
	{"shaders", "", ""},
	{"model/backend", "lut", ""},
	{"model/backend/backendtest", "lut model/backend", "gonum.org/v1/gonum"},
	{"cpuref/kernel/asm", "", "github.com/mmcloughlin/avo"}, // the generator of assembly, run by hand
	{"cpuref/kernel", "lut model/backend", "gonum.org/v1/gonum golang.org/x/sys/cpu"},
	{"cpuref", "lut model/backend cpuref/kernel", "gonum.org/v1/gonum golang.org/x/sys/cpu"},
	{"gpu", "lut shaders model/backend", "github.com/go-gl C"},
	{"model/weights", "", "github.com/nlpodyssey/gopickle"},
	{"model", "lut model/backend model/weights", ""},
	{"trainer/dataset", "", "github.com/nlpodyssey/gopickle golang.org/x/image github.com/klauspost/compress"},
	{"trainer", "lut model/backend model/weights model trainer/dataset",
		"github.com/goccy/go-yaml golang.org/x/sync google.golang.org/protobuf"},
	{"cmd/gputrain", "lut lut/netlist lut/catalog lut/plot model/backend model/backend/backendtest " +
		"cpuref cpuref/kernel gpu model/weights model trainer/dataset trainer",
		"github.com/spf13/cobra github.com/spf13/pflag github.com/vbauerster/mpb golang.org/x/term"},
}

// flavours are builds that between them compile every file of this module. go
// list needs no C compiler.
var flavours = [][]string{
	{"CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64", "GOFLAGS="},
	{"CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-tags=noglfw,egl"},
	{"CGO_ENABLED=1", "GOOS=windows", "GOARCH=amd64", "GOFLAGS="},
	{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOFLAGS="},
}

// TestFloors holds the imports of every package to the floors of the house.
func TestFloors(t *testing.T) {
	imports, outside := map[string][]string{}, map[string][]string{}
	for _, f := range floors {
		for _, i := range strings.Fields(f.imports) {
			if _, ok := imports[i]; !ok {
				t.Errorf("floors: %s imports %s, which does not come before it", f.pkg, i)
			}
		}
		imports[f.pkg], outside[f.pkg] = strings.Fields(f.imports), strings.Fields(f.outside)
	}
	for _, flavour := range flavours {
		list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
		list.Env = append(os.Environ(), flavour...)
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			t.Fatalf("%v: %v", flavour, err)
		}
		found := 0
		for line := range strings.Lines(string(out)) {
			fields := strings.Fields(line)
			pkg := strings.TrimPrefix(fields[0], module)
			if _, ok := imports[pkg]; !ok {
				t.Errorf("package %s has no place on the floors: add it to the table, or put its code where it belongs", pkg)
				continue
			}
			found++
			for _, path := range fields[1:] {
				if fault := misplaced(path, imports[pkg], outside[pkg]); fault != "" {
					t.Errorf("%v: %s imports %s: %s", flavour, pkg, path, fault)
				}
			}
		}
		if found < 10 {
			t.Errorf("%v: %d packages found, want those of the house", flavour, found)
		}
	}
}

// misplaced says why a package that may import the given ones may not import
// path, "" if it may.
func misplaced(path string, imports, outside []string) string {
	if name, own := strings.CutPrefix(path, module); own {
		if slices.Contains(imports, name) {
			return ""
		}
		return "upward or sideways"
	}
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") && path != "C" {
		return "" // the standard library
	}
	for _, prefix := range outside {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return ""
		}
	}
	if path == "C" || strings.Contains(path, "go-gl") {
		return "only gpu may touch OpenGL and C"
	}
	return "not among what it may take from outside"
}

func TestMisplaced(t *testing.T) {
	own, outside := []string{"lut"}, []string{"gonum.org/v1/gonum"}
	for path, want := range map[string]bool{
		"gputrain/lut":                       true,
		"gputrain/lut/netlist":               false,
		"gputrain/trainer":                   false,
		"net/http":                           true,
		"gonum.org/v1/gonum":                 true,
		"gonum.org/v1/gonum/mat":             true,
		"gonum.org/v1/gonumx":                false,
		"gonum.org/v1/plot":                  false,
		"github.com/go-gl/gl/v4.3-core/gl":   false,
		"github.com/go-gl/glfw/v3.3/glfw":    false,
		"C":                                  false,
		"golang.org/x/sys/cpu":               false,
		"github.com/rogpeppe/go-internal/ar": false,
	} {
		if fault := misplaced(path, own, outside); (fault == "") != want {
			t.Errorf("misplaced(%s) = %q", path, fault)
		}
	}
}
