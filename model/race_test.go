//go:build race

package model

// Loops are ten times slower, and no less sequential, in large networks as in
// small ones; memory is not what it is without the detector.
func init() { trajectorySteps, goldenSteps, largeNetworks = 2, 1, false }
