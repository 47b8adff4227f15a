package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError is a command line, or an input, that cannot be worked with.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// makeGroup lets cmd, which has commands of its own, list them where none is
// named, and refuse one that it does not have.
func makeGroup(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	return usagef("unknown command %q of %s%s", name, cmd.CommandPath(), hint(cmd, cmd.SuggestionsFor(name)))
}

// hint ends a message about cmd with the names that may have been meant, or
// with where to find them.
func hint(cmd *cobra.Command, near []string) string {
	if len(near) > 0 {
		return ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return " (see " + cmd.CommandPath() + " --help)"
}

// newHelp returns the command help. Unlike cobra's own it fails where there is
// nothing to tell.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Say what a command does and takes",
		RunE: func(help *cobra.Command, args []string) error {
			cmd, rest, err := help.Root().Find(args)
			if err != nil {
				return &usageError{err}
			}
			if len(rest) > 0 {
				return unknownCommand(cmd, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// flagFault words what the parser of flags found.
func flagFault(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usagef("unknown flag -%s of %s%s", name, cmd.CommandPath(), hint(cmd, nil))
		}
		return usagef("unknown flag --%s of %s%s", name, cmd.CommandPath(), hint(cmd, nearFlags(cmd, name)))
	case errors.As(err, &invalid):
		return usagef("--%s %q, want %s", invalid.GetFlag().Name, invalid.GetValue(), kindOf(invalid.GetFlag()))
	case errors.As(err, &missing):
		value, _ := pflag.UnquoteUsage(missing.GetFlag())
		return usagef("--%s needs a value: --%[1]s %s", missing.GetFlag().Name, value)
	}
	return &usageError{err}
}

// nearFlags returns the flags of cmd that a name may have meant. cobra knows
// how to tell for commands.
func nearFlags(cmd *cobra.Command, name string) []string {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	near := flags.SuggestionsFor(name)
	for i := range near {
		near[i] = "--" + near[i]
	}
	return near
}

// kindOf says what a flag takes.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "intSlice":
		return "whole numbers with commas between"
	case "uint64":
		return "a whole number ≥ 0"
	}
	return f.Value.Type()
}

// takes checks that a command got the arguments with these names, and no
// others.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing%s", strings.Join(names[len(args):], " and "), hint(cmd, nil))
		case len(args) > len(names) && len(names) == 0:
			return fmt.Errorf("argument %q, want none%s", args[0], hint(cmd, nil))
		case len(args) > len(names):
			return fmt.Errorf("arguments %q, want %s alone%s", args, strings.Join(names, " and "), hint(cmd, nil))
		}
		return nil
	}
}

// complete has shells offer the given words for a flag.
func complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that the command does not have
	}
}
