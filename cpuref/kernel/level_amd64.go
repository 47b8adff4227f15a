package kernel

import "golang.org/x/sys/cpu"

// highest is the highest level of this machine.
var highest = func() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA:
		return Go
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	case !x.HasAVX512VBMI:
		return AVX512
	}
	return AVX512VBMI
}()
