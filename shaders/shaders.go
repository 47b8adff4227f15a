// Package shaders holds the GLSL sources of gputrain and assembles them into
// programs. It does not touch OpenGL, so its tests run anywhere.
//
// # Files
//
// A file <op>_<pass>.comp is one kernel. Its header comment states what it
// computes, its buffers with their shapes, its grid and its macros; #version
// and a default for each macro follow, so that it compiles with no Defines at
// all. Buffers stand at bindings 0, 1, … in the order of the header, outputs
// first; uniforms at locations 0, 1, …, integers before reals. Texture unit 0
// holds the products of a multiplier, units 1 and 2 a gradient.
//
// Files in include have the ending .glsl and neither #version nor main. A line
//
//	#include "lut.glsl"
//
// is replaced by the named file the first time it is met and dropped later.
// Included files include nothing themselves.
package shaders

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed *.comp include/*.glsl
var files embed.FS

// A Define gives a macro of a kernel its value.
type Define struct {
	Name  string
	Value int
}

// macros are the variants of the kernels that have any: of each macro the
// number of its values, which are 0, 1, ….
var macros = map[string][]Define{
	"lut_conv2d_fwd": {{"LUT_MODE", 5}, {"LUT_WIDE", 2}},
	"lut_rowexp_fwd": {{"WIDTH", 3}, {"ROWS", 2}, {"COLUMNS", 2}, {"LANES", 2}},
	"lut_conv2d_dw":  {{"GRAD", 3}},
	"lut_conv2d_dx":  {{"GRAD", 3}},
	"lut_rowexp_dw":  {{"GRAD", 2}, {"WIDTH", 3}},
	"lut_rowexp_dx":  {{"GRAD", 2}, {"WIDTH", 3}},
	"gemm":           {{"PASS", 5}, {"TILE", 3}},
	"channel_sums":   {{"TERM", 5}},
	"sgd_step":       {{"MOMENTUM", 2}},
}

// Kernels returns the names of all kernels, sorted.
func Kernels() []string {
	paths, err := fs.Glob(files, "*.comp")
	if err != nil {
		panic("shaders: " + err.Error()) // the pattern is malformed
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(p, ".comp")
	}
	return paths
}

// Variants returns every combination of macros that the named kernel has.
func Variants(name string) [][]Define {
	all := [][]Define{nil}
	for _, m := range macros[name] {
		var more [][]Define
		for _, defs := range all {
			for v := range m.Value {
				more = append(more, append(slices.Clone(defs), Define{m.Name, v}))
			}
		}
		all = more
	}
	return all
}

// A Program is the text of a kernel, ready for the GLSL compiler.
type Program struct {
	Name  string // as passed to Assemble
	Text  string
	lines []line // where line i+1 of Text comes from
}

type line struct {
	file   string
	number int
}

// Assemble returns the kernel in <name>.comp with its includes expanded and
// defs defined behind its #version. Equal arguments give equal texts. It panics
// if a file is missing or has no #version, or if defs are none of its variants:
// all of that is fixed when gputrain is built.
func Assemble(name string, defs ...Define) Program {
	for _, d := range defs {
		known := slices.ContainsFunc(macros[name], func(m Define) bool {
			return m.Name == d.Name && 0 <= d.Value && d.Value < m.Value
		})
		if !known {
			panic(fmt.Sprintf("shaders: %s has no variant %s = %d", name, d.Name, d.Value))
		}
	}
	p := Program{Name: name}
	var text strings.Builder
	put := func(s string, from line) {
		text.WriteString(s)
		text.WriteByte('\n')
		p.lines = append(p.lines, from)
	}
	included := map[string]bool{}
	versioned := false
	file := name + ".comp"
	for i, s := range read(file) {
		from := line{file, i + 1}
		switch {
		case strings.HasPrefix(s, "#version"):
			versioned = true
			put(s, from)
			for _, d := range defs {
				put(fmt.Sprintf("#define %s %d", d.Name, d.Value), from)
			}
		case strings.HasPrefix(s, "#include "):
			path := "include/" + strings.Trim(strings.TrimPrefix(s, "#include "), `"`)
			if included[path] {
				continue
			}
			included[path] = true
			for j, s := range read(path) {
				put(s, line{path, j + 1})
			}
		default:
			put(s, from)
		}
	}
	if !versioned {
		panic("shaders: " + file + " has no #version")
	}
	p.Text = text.String()
	return p
}

// read returns the lines of an embedded file.
func read(path string) []string {
	data, err := files.ReadFile(path)
	if err != nil {
		panic("shaders: " + err.Error())
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// place matches where a compiler's message says that it belongs: Mesa's
// "0:12(5): error", NVIDIA's "0(12) : error", and "ERROR: 0:12:" of AMD, Intel
// and the reference compiler.
var place = regexp.MustCompile(`(?m)^((?:ERROR|WARNING): )?0(?::(\d+)|\((\d+)\))`)

// Locate returns a compiler's log of p with line numbers of the text replaced
// by those of the files, as in "include/lut.glsl:12". There is no #line for
// that in the text: Mesa heeds its line, but not its file.
func (p Program) Locate(log string) string {
	return place.ReplaceAllStringFunc(log, func(found string) string {
		m := place.FindStringSubmatch(found)
		n, err := strconv.Atoi(m[2] + m[3])
		if err != nil || n < 1 || n > len(p.lines) {
			return found
		}
		from := p.lines[n-1]
		return fmt.Sprintf("%s%s:%d", m[1], from.file, from.number)
	})
}
