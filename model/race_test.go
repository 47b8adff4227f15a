//go:build race

package model

// Loops are ten times slower, and no less sequential; memory is not what it is
// without the detector.
func init() { trajectorySteps, goldenSteps, memoryMeasured = 2, 1, false }
