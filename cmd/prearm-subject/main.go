// prearm-subject asks containerd who a container is and prints the answer as
// JSON. The shim runs it in the container's bundle.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/shim/subject"
)

func main() {
	var q subject.Query
	flag.StringVar(&q.Containerd, "address", "", "containerd's API")
	flag.StringVar(&q.Namespace, "namespace", "", "containerd's namespace of the container")
	flag.StringVar(&q.ID, "id", "", "the container")
	flag.Parse()
	if err := run(q); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(q subject.Query) error {
	data, err := os.ReadFile("config.json")
	if err != nil {
		return err
	}
	var spec specs.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	q.Annotations = spec.Annotations
	who, err := subject.Ask(context.Background(), q)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(who)
}
