// Command gputrain retrains neural networks under approximate multipliers.
//
// It is the one package that knows both backends. Results go to stdout, logs
// and progress to stderr; with --json stdout holds one JSON document and
// nothing else. Exit codes: 0 done, 1 failed, 2 bad usage, recipe or input
// file, 75 interrupted with all finished work saved.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := interruptible()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible returns a context that the first SIGINT or SIGTERM cancels, so
// that a run can finish its step and save. A second signal ends the program at
// once, with the shell's code for that signal.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		s := <-signals
		code := 128
		if n, ok := s.(syscall.Signal); ok {
			code += int(n)
		}
		os.Exit(code)
	}()
	return ctx, cancel
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if !a.started {
		err = &usageError{err} // cobra refused the command line before any command ran
	}
	return a.report(err, wantsJSON(args))
}

// wantsJSON finds --json in a command line that may not have been parsed.
func wantsJSON(args []string) (wanted bool) {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		name, value, given := strings.Cut(arg, "=")
		if name != "--json" {
			continue
		}
		if wanted = true; given {
			wanted, _ = strconv.ParseBool(value)
		}
	}
	return wanted
}
