package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// Colours of a terminal (ECMA-48).
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// printer writes text for people and remembers the first error.
type printer struct {
	w      io.Writer
	colour bool
	err    error
}

// newPrinter gives colours to terminals only, and not where NO_COLOR is set.
func newPrinter(w io.Writer) *printer {
	f, ok := w.(*os.File)
	return &printer{w: w, colour: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// heading starts a section.
func (p *printer) heading(text string) {
	p.printf("\n%s\n", p.paint(bold, text))
}

// table writes rows in columns, without blanks at the ends of lines. Nothing
// in it may be painted: tabwriter counts escape sequences as text.
func (p *printer) table(rows [][]string) {
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t")) // a buffer takes everything
	}
	_ = t.Flush()
	for line := range strings.Lines(text.String()) {
		p.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

// checkOutput checks the value of -o.
func checkOutput(value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("-o %s: must be one of %s", value, strings.Join(values, ", "))
}
