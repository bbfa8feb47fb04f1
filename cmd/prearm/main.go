// Command prearm checks, indexes and explains policies, and tells what this
// node can enforce.
package main

import (
	"errors"
	"fmt"
	"os"
)

// exitCode is an end that is no mistake, and not 0.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func main() {
	err := newRoot().Execute()
	var code exitCode
	switch {
	case err == nil:
	case errors.As(err, &code):
		os.Exit(int(code))
	default:
		os.Exit(1)
	}
}
