package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestWeightsScripts runs the scripts of testdata/weights, which find files
// that PyTorch has written in $pytorch. They have the commands exits, jsonkeys,
// lines and sametensors of [TestScripts].
func TestWeightsScripts(t *testing.T) {
	fixtures, err := filepath.Abs("../../model/weights/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/weights",
		Setup: func(env *testscript.Env) error {
			env.Setenv("pytorch", fixtures)
			return nil
		},
		RequireUniqueNames: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "jsonkeys": jsonkeys, "lines": lines, "sametensors": sametensors,
		},
	})
}
