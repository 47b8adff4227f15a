package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// An app is what the commands share: where output goes, and how.
type app struct {
	stdout, stderr io.Writer
	log            *slog.Logger

	json      bool
	quiet     bool
	logFormat string
	color     string

	started bool // a command has been chosen and its flags are good
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "gputrain",
		Short: "Retrain neural networks under approximate multipliers",
		Long: `gputrain retrains neural networks whose multipliers are approximate.

It takes any multiplier of 2 to 8 bits an operand as a table, a circuit or a
specification, builds the gradients that retraining needs (STE, LUT-2D, LUT-1D:
Meng et al., DATE 2025 and arXiv 2509.10519), and trains on the CPU or on any
GPU with OpenGL 4.3.

  gputrain demo                                    the whole story in a minute
  gputrain lut info trunc:8u,cols=8                what a multiplier is
  gputrain retrain --recipe r.yaml --out runs/a    retrain under it`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.started = true
			return a.begin()
		},
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print one JSON document on stdout and nothing else")
	f.BoolVar(&a.quiet, "quiet", false, "no logs and no progress, only results and errors")
	f.StringVar(&a.logFormat, "log-format", "text", "`FORMAT` of logs on stderr: text or json")
	f.StringVar(&a.color, "color", "auto", "`WHEN` to colour what stands on stderr: auto (on terminals, unless NO_COLOR is set), always or never")

	complete(root, "log-format", "text", "json")
	complete(root, "color", "auto", "always", "never")

	root.SetHelpCommand(newHelp())
	root.AddCommand(
		newDemo(a),
		newTrain(a),
		newRetrain(a),
		newEval(a),
		newLut(a),
		newInspect(a),
		newImport(a),
		newExport(a),
		newBench(a),
		newDoctor(a),
		newVersion(a),
	)
	root.SetFlagErrorFunc(flagFault)
	makeGroup(root)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Short = "Print the completion script of a shell"
			makeGroup(cmd)
			for _, shell := range cmd.Commands() {
				shell.Args = takes()
			}
		}
	}
	return root
}

// begin checks the flags that every command has, and opens the log.
func (a *app) begin() error {
	level := slog.LevelInfo
	if a.quiet {
		level = slog.LevelError
	}
	opts := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(newPlainHandler(a.stderr, level))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, opts))
	default:
		return usagef("--log-format %q, want text or json", a.logFormat)
	}
	switch a.color {
	case "auto", "always", "never":
	default:
		return usagef("--color %q, want auto, always or never", a.color)
	}
	return nil
}

// colored reports whether text on w may carry colour.
func (a *app) colored(w io.Writer) bool {
	switch {
	case a.color == "always":
		return true
	case a.color == "never", os.Getenv("NO_COLOR") != "":
		return false
	}
	return isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printJSON prints the one document of a command run with --json.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printf prints a line of a command's result.
func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.stdout, format, args...)
}
