//go:build race

package model

func init() { trajectorySteps = 2 } // loops are ten times slower, and no less sequential
