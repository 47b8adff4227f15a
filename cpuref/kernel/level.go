package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// A Level is a set of instructions that kernels may use. Each includes those
// below it.
type Level uint8

const (
	Go         Level = iota // pure Go, any architecture
	AVX2                    // AVX2 and FMA
	AVX512                  // AVX-512 F, BW, DQ and VL
	AVX512VBMI              // and VBMI: byte permutes as look-ups
)

var levelNames = []string{"go", "avx2", "avx512", "avx512vbmi"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// EnvVar is the environment variable that forces a level.
const EnvVar = "GPUTRAIN_CPU"

// Levels returns the levels of this machine, lowest first.
func Levels() []Level {
	levels := make([]Level, 0, len(levelNames))
	for l := Go; l <= highest; l++ {
		levels = append(levels, l)
	}
	return levels
}

// ParseLevel returns the level of the given name. It is an error if there is
// none, or if this machine lacks it.
func ParseLevel(name string) (Level, error) { return parseLevel(name, highest) }

func parseLevel(name string, highest Level) (Level, error) {
	i := slices.Index(levelNames, name)
	switch {
	case i < 0:
		return Go, fmt.Errorf("CPU level %q, want one of %s", name, strings.Join(levelNames, ", "))
	case Level(i) > highest:
		return Go, fmt.Errorf("CPU level %s is more than this machine has, want one of %s", name, strings.Join(levelNames[:highest+1], ", "))
	}
	return Level(i), nil
}

// Default returns the level that GPUTRAIN_CPU names, else the highest of this
// machine. The variable is read once. A program should report the error before
// it makes a backend.
var Default = sync.OnceValues(func() (Level, error) {
	name := os.Getenv(EnvVar)
	if name == "" {
		return highest, nil
	}
	l, err := ParseLevel(name)
	if err != nil {
		return Go, fmt.Errorf("%s: %w", EnvVar, err)
	}
	return l, nil
})
