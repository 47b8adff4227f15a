// Asm generates the assembly of package kernel:
//
//	go run ./asm -kernels vbmi -out vbmi_amd64.s -stubs vbmi_amd64.go -pkg kernel
//
// go generate in the folder of package kernel calls it for each file.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// files are the groups of kernels, each a file.
var files = map[string]func(){
	"elements": elements,
	"expand":   expand,
	"float":    float,
	"planes":   planes,
	"rows":     rows,
	"stored":   stored,
	"vbmi":     vbmi,
}

func main() {
	name := flag.String("kernels", "", "`group` of kernels to generate")
	flag.Parse()
	generate := files[*name]
	if generate == nil {
		names := make([]string, 0, len(files))
		for n := range files {
			names = append(names, n)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "asm: -kernels is %q, want one of %q\n", *name, names)
		os.Exit(2)
	}
	build.ConstraintExpr("amd64")
	generate()
	build.Generate()
}

// Kernels with a fixed plan for the register file name its registers.
var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// Z returns zmm register i.
func Z(i int) reg.VecPhysical { return zmm[i] }

// zero clears zmm registers [from, to).
func zero(from, to int) {
	for i := from; i < to; i++ {
		build.VPXORD(Z(i), Z(i), Z(i))
	}
}

// params loads the parameters of the function that has just begun into
// registers.
func params(names ...string) []reg.GPVirtual {
	regs := make([]reg.GPVirtual, len(names))
	for i, name := range names {
		regs[i] = build.GP64()
		build.Load(build.Param(name), regs[i])
	}
	return regs
}
