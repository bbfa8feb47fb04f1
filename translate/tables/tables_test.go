package tables

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the tables into the README")

// TestREADMEIsUpToDate compares the README's tables with the code; make
// generate writes them.
func TestREADMEIsUpToDate(t *testing.T) {
	const path = "../../README.md"
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	enforcement, err := Enforcement()
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for name, table := range map[string]string{"enforcement": enforcement, "residuals": Residuals()} {
		if after, err = replace(after, name, table); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(before, after) {
		return
	}
	if !*update {
		t.Fatal("README.md is behind the code; run make generate")
	}
	if err := os.WriteFile(path, after, 0o644); err != nil {
		t.Fatal(err)
	}
}

func replace(text []byte, name, table string) ([]byte, error) {
	open := []byte(fmt.Sprintf("<!-- generated: %s -->\n", name))
	end := []byte("<!-- /generated -->")
	i := bytes.Index(text, open)
	if i < 0 {
		return nil, fmt.Errorf("README.md has no place for %s", name)
	}
	i += len(open)
	j := bytes.Index(text[i:], end)
	if j < 0 {
		return nil, fmt.Errorf("README.md: %s has no end", name)
	}
	return bytes.Join([][]byte{text[:i], []byte(table), text[i+j:]}, nil), nil
}
