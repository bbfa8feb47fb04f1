package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/policy/store/build"
	"github.com/prearm/prearm/shim/config"
)

func newIndex() *cobra.Command {
	var (
		policies, index, output string
		quiet, force            bool
	)
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Bring the index of the policy folder up to date",
		Long: `Index reads the policy files that have changed and makes the index from which
containers start. A start runs it by itself when it has to; running it after each
change saves the next start the time.

Mistakes in policy files are printed as warnings. A file with mistakes keeps its
last good version in force; one that never had any keeps containers of its
namespaces from starting. The exit code is other than 0 only if there is no new
index.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			if policies == "" || index == "" {
				c, err := settings(cmd)
				if err != nil {
					return err
				}
				if policies == "" {
					policies = c.Policies
				}
				if index == "" {
					index = c.IndexPath()
				}
			}
			summary, err := build.Build(policies, index, build.Options{Force: force})
			if err != nil {
				return err
			}
			for _, bad := range summary.Bad {
				for _, e := range bad.Errors {
					fmt.Fprintln(cmd.ErrOrStderr(), "warning:", e.Error())
				}
			}
			if quiet {
				return nil
			}
			indexed, err := listed(summary, policies, index)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), indexed)
			}
			return indexed.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&policies, "policies", "", "the policy folder (default: as configured)")
	cmd.Flags().StringVar(&index, "index", "", "the index file (default: as configured)")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print warnings only")
	cmd.Flags().BoolVar(&force, "force", false, "read every file, changed or not")
	return cmd
}

// settings reads the node's configuration, from the file that the root
// command's --config names, if it has that flag.
func settings(cmd *cobra.Command) (*config.Config, error) {
	path := ""
	if f := cmd.Flag("config"); f != nil {
		path = f.Value.String()
	}
	return config.Load(path)
}

// indexed is what prearm index prints.
type indexed struct {
	*build.Summary
	Folder   string          `json:"folder"`
	Index    string          `json:"index"`
	Policies []indexedPolicy `json:"policies"`
}

type indexedPolicy struct {
	Kind      string          `json:"kind"`
	Namespace string          `json:"namespace,omitempty"`
	Name      string          `json:"name"`
	Rules     int             `json:"rules"`
	Position  policy.Position `json:"position"`
}

func listed(summary *build.Summary, folder, index string) (*indexed, error) {
	s, err := store.Begin(folder, index)
	if err != nil {
		return nil, err
	}
	all, err := s.Policies()
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	result := &indexed{Summary: summary, Folder: folder, Index: index, Policies: []indexedPolicy{}}
	for _, p := range all {
		result.Policies = append(result.Policies, indexedPolicy{p.Kind, p.Namespace, p.Name, len(p.Rules), p.Position})
	}
	return result, nil
}

func (x *indexed) print(w io.Writer) error {
	p := newPrinter(w)
	rows := [][]string{{"NAMESPACE", "NAME", "RULES", "POSITION"}}
	for _, i := range x.Policies {
		namespace := i.Namespace
		if i.Kind == policy.KindClusterPolicy {
			namespace = "(cluster)"
		}
		rows = append(rows, []string{namespace, i.Name, strconv.Itoa(i.Rules), i.Position.String()})
	}
	if len(rows) > 1 {
		p.table(rows)
	}
	state := fmt.Sprintf("%d unchanged", x.Reused)
	if x.Fresh {
		state = "was up to date"
	}
	p.printf("%s of %s (%s): %s\n", count(len(x.Policies), "policy"), count(x.Files, "file"), state, x.Index)
	return p.err
}
