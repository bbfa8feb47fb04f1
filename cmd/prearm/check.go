package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/translate/glob"
)

func newCheck() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check policy files",
		Long: `Check reads policies and says of every mistake where it stands and what to write
instead. A folder stands for the policy files in it, - for standard input. The
files are checked together: two policies of one name are a mistake too.

The exit code is 1 if there is any mistake. A warning is about a rule that is
well written and cannot be enforced yet: containers that it applies to will not
start.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			files, err := readAll(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			result := check(files)
			if output == "json" {
				err = printJSON(cmd.OutOrStdout(), result)
			} else {
				err = result.print(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			if n := len(result.Errors); n > 0 {
				return fmt.Errorf("%s in %s", count(n, "mistake"), count(result.Files, "file"))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// checked is the outcome of a check.
type checked struct {
	Files    int           `json:"files"`
	Policies int           `json:"policies"`
	Rules    int           `json:"rules"`
	Errors   policy.Errors `json:"errors"`
	Warnings policy.Errors `json:"warnings"`
}

func check(files []*reader.File) checked {
	result := checked{Files: len(files), Errors: policy.Errors{}, Warnings: policy.Errors{}}
	groups := make([][]reader.Definition, len(files))
	for i, f := range files {
		groups[i] = f.Definitions()
	}
	conflicts := reader.Conflicts(groups)
	for i, f := range files {
		result.Errors = append(result.Errors, f.Errors()...)
		for _, bad := range conflicts[i] {
			result.Errors = append(result.Errors, bad.Errors...)
		}
		result.Policies += len(f.Policies)
		for _, p := range f.Policies {
			result.Rules += len(p.Rules)
			for _, r := range p.Rules {
				// The reader knows what a pattern looks like; the compiler
				// knows what it can print.
				if _, err := glob.Parse(r.Object.Name); err != nil && r.Object.Kind == policy.Pattern {
					result.Errors = append(result.Errors, policy.Error{Position: r.Position, Field: r.Address, Reason: err.Error()})
				}
				if r.Unsupported != "" {
					result.Warnings = append(result.Warnings, policy.Error{
						Position: r.Position, Field: r.Address, Reason: r.Unsupported + " cannot be enforced yet",
						Suggestion: "containers that the policy applies to will not start"})
				}
			}
		}
	}
	return result
}

func (c *checked) print(w io.Writer) error {
	p := newPrinter(w)
	line := func(label string, e policy.Error) {
		field := ""
		if e.Field != "" {
			field = e.Field + ": "
		}
		p.printf("%s %s%s%s", p.paint(bold, e.Position.String()+":"), label, field, e.Reason)
		if e.Suggestion != "" {
			p.printf(" (%s)", p.paint(green, e.Suggestion))
		}
		p.printf("\n")
	}
	for _, e := range c.Errors {
		line("", e)
	}
	for _, e := range c.Warnings {
		line(p.paint(yellow, "warning: "), e)
	}
	if len(c.Errors) == 0 {
		p.printf("%s, %s, %s: good\n", count(c.Files, "file"), count(c.Policies, "policy"), count(c.Rules, "rule"))
	}
	return p.err
}

// readAll reads the files that the arguments stand for.
func readAll(args []string, stdin io.Reader) ([]*reader.File, error) {
	var files []*reader.File
	for _, arg := range args {
		if arg == "-" {
			files = append(files, reader.Read("stdin", stdin))
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, readFile(arg))
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !store.IsPolicyFile(e.Name()) {
				continue
			}
			path := filepath.Join(arg, e.Name())
			// A pipe named on purpose is read, one that lies about is not.
			if info, err := os.Stat(path); err != nil {
				files = append(files, reader.Unreadable(path, err))
			} else if !info.Mode().IsRegular() {
				files = append(files, reader.Unreadable(path, fmt.Errorf("not a regular file")))
			} else {
				files = append(files, readFile(path))
			}
		}
	}
	return files, nil
}

func readFile(path string) *reader.File {
	f, err := os.Open(path)
	if err != nil {
		return reader.Unreadable(path, err)
	}
	defer f.Close()
	return reader.Read(path, f)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// count is a number with its noun in the right form.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "policy":
		return fmt.Sprintf("%d policies", n)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
