//go:build cgo && !nogpu

package gpu

import (
	"github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/shaders"
)

// Do calls f on the GL thread and returns the first failure so far.
func (d *Device) Do(f func() error) error { return d.wait("Do", f) }

// CutDispatches has every grid that may be cut come in slices of so many work
// groups.
func (d *Device) CutDispatches(groups int) {
	d.queue("CutDispatches", func() error {
		d.sliceLen = groups
		return nil
	})
}

// Rates returns the number of kernels whose rate is known.
func (d *Device) Rates() (n int) {
	_ = d.wait("Rates", func() error {
		n = len(d.timer.rates)
		return nil
	})
	return n
}

// TimersInFlight is how many measurements may run.
const TimersInFlight = timersInFlight

// Compile compiles a kernel.
func (d *Device) Compile(file string, defs []shaders.Define) error {
	k := kernel{file: file}
	copy(k.defs[:], defs)
	return d.wait("Compile", func() error {
		_, err := d.program(k)
		return err
	})
}

// CompileSource compiles a text that is none of package shaders.
func (d *Device) CompileSource(p shaders.Program) error {
	return d.wait("CompileSource", func() error {
		_, err := compile(p)
		return err
	})
}

// Programs returns the number of programs that have been compiled.
func (d *Device) Programs() (n int) {
	_ = d.wait("Programs", func() error {
		n = len(d.programs)
		return nil
	})
	return n
}

// LiveObjects asks GL which names are buffers, textures and programs. Names are
// small numbers with every known driver.
func (d *Device) LiveObjects() (buffers, textures, programs int, err error) {
	err = d.wait("LiveObjects", func() error {
		for name := range uint32(1 << 14) {
			if gl.IsBuffer(name) {
				buffers++
			}
			if gl.IsTexture(name) {
				textures++
			}
			if gl.IsProgram(name) {
				programs++
			}
		}
		return nil
	})
	return buffers, textures, programs, err
}

// BreakGL makes a call that OpenGL refuses.
func BreakGL() error {
	gl.UseProgram(1 << 30)
	return nil
}

var (
	Bucket = bucket
	Needed = needed
	Fold   = fold
)

// Slice returns how a sum is cut.
func Slice(outputs, terms, most int) (slices, length int) {
	c := slice(outputs, terms, most)
	return c.slices, c.length
}

// MaxTurns is the most turns of loops that a dispatch gives an invocation.
const MaxTurns = maxTurns

// Expansions returns the variants of row expansion forward, with splits of 1
// and 3.
func Expansions() (all []string) {
	for i, p := range expansions(1) {
		p.splits += i & 2
		all = append(all, p.String())
	}
	return all
}

// SetBudget bounds the workspace.
func (d *Device) SetBudget(bytes int) { d.budget = bytes }

// GEMMs returns the variants of the product in tiles.
func GEMMs() (all []string) {
	for tile := range gemmTiles {
		all = append(all, plan{family: gemm, tile: tile}.String())
	}
	return all
}

// PlanText and ClassText read a text and write it again.
func PlanText(s string) (string, error) {
	p, err := parsePlan(s)
	return p.String(), err
}

func ClassText(s string) (string, error) {
	c, err := parseClass(s)
	return c.String(), err
}

// ParseCache returns the plans of a cache file by the names of their classes.
func ParseCache(text []byte, device string) (map[string]string, error) {
	plans, err := parseCache(text, device)
	all := map[string]string{}
	for c, p := range plans {
		all[c.String()] = p.String()
	}
	return all, err
}

// Workspace returns the bytes of a workspace.
func (d *Device) Workspace(want, least int) int { return d.workspace("Workspace", want, least).bytes() }
