// Command prearm checks, indexes and explains policies, and tells what this
// node can enforce.
package main

import "os"

func main() {
	if err := newRoot().Execute(); err != nil {
		os.Exit(1)
	}
}
