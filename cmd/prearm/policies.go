package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/profiles/library"
)

func newPolicies() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "Policies to begin from",
		Long: `Policies are a small library of tested hardening policies. None is in force by being
there: print one, adapt it, and put it into the policy folder.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newPoliciesList(), newPoliciesShow())
	return cmd
}

func newPoliciesList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the policies of the library",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			all, err := listLibrary()
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return printLibrary(cmd.OutOrStdout(), all)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return cmd
}

// shelved is a policy of the library as prearm policies list prints it.
type shelved struct {
	Name      string         `json:"name"`
	Classes   []policy.Class `json:"classes"`
	Rules     int            `json:"rules"`
	Stops     string         `json:"stops"`
	MayBreak  string         `json:"mayBreak"`
	Residuals string         `json:"residuals"`
}

func listLibrary() ([]shelved, error) {
	all, err := library.All()
	if err != nil {
		return nil, err
	}
	var out []shelved
	for _, p := range all {
		made, err := readOne(p.Name, p.Text)
		if err != nil {
			return nil, err
		}
		s := shelved{Name: p.Name, Rules: len(made.Rules), Stops: p.Stops, MayBreak: p.MayBreak, Residuals: p.Residuals}
		for _, r := range made.Rules {
			if !slices.Contains(s.Classes, r.Class) {
				s.Classes = append(s.Classes, r.Class)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func printLibrary(w io.Writer, all []shelved) error {
	rows := [][]string{{"NAME", "CLASSES", "STOPS"}}
	for _, s := range all {
		var classes []string
		for _, c := range s.Classes {
			classes = append(classes, string(c))
		}
		stops, _, _ := strings.Cut(s.Stops, ": ")
		stops, _, _ = strings.Cut(stops, ". ")
		rows = append(rows, []string{s.Name, strings.Join(classes, ", "), strings.TrimSuffix(stops, ".")})
	}
	p := newPrinter(w)
	p.table(rows)
	return p.err
}

func newPoliciesShow() *cobra.Command {
	var (
		namespace string
		pairs     []string
		cluster   bool
	)
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a policy of the library",
		Long: `Show prints a policy, with comments that say what it stops, whom it may break and what
it leaves open. As it is, it applies to containers of the namespace default that have
the label ` + library.Label + `=true; the flags make it one for others.`,
		Example: `  prearm policies show shells --namespace shop --label app=web >/etc/prearm/policies/shop-shells.yaml
  prearm policies show kernel-files --cluster`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return libraryNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			labels, err := labelsOf(pairs)
			if err != nil {
				return err
			}
			cmd.SilenceUsage = true
			text, err := fill(args[0], namespace, labels, cluster)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "", `namespace of the containers (default "default"; with --cluster, every one)`)
	f.StringArrayVarP(&pairs, "label", "l", nil, "a label that the containers have, KEY=VALUE (repeatable; default "+library.Label+"=true)")
	f.BoolVar(&cluster, "cluster", false, "make it a "+policy.KindClusterPolicy+", which no policy of a namespace loosens")
	return cmd
}

// fill is the text of a policy of the library for certain containers. What
// was filled in is read again: it must not have become anything else.
func fill(name, namespace string, labels map[string]string, cluster bool) (string, error) {
	all, err := library.All()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(p library.Policy) bool { return p.Name == name })
	if i < 0 {
		return "", fmt.Errorf("there is no policy %q: there are %s", name, strings.Join(libraryNames(), ", "))
	}
	p := all[i]
	if namespace == "" && len(labels) == 0 && !cluster {
		return p.Text, nil
	}
	text, err := p.For(namespace, labels, cluster)
	if err != nil {
		return "", err
	}
	made, err := readOne(name, text)
	if err != nil {
		return "", fmt.Errorf("with this namespace and these labels, the policy is no good: %w", err)
	}
	subject := policy.Subject{Namespace: namespace, Labels: labels, Container: labels[policy.ContainerLabel]}
	if namespace == "" {
		subject.Namespace = "default"
	}
	if len(labels) == 0 {
		subject.Labels = map[string]string{library.Label: "true"}
	}
	if len(made.Selector.Containers) > 0 {
		subject.Container = made.Selector.Containers[0]
	}
	if made.Name != name || !made.Selects(subject) {
		return "", fmt.Errorf("the namespace or a label is read as something else in a policy: write it without special characters")
	}
	return text, nil
}

func libraryNames() []string {
	all, err := library.All()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// readOne reads a text that holds one policy.
func readOne(name, text string) (policy.Policy, error) {
	f := reader.Read(name, strings.NewReader(text))
	if mistakes := f.Errors(); len(mistakes) > 0 {
		return policy.Policy{}, mistakes
	}
	if len(f.Policies) != 1 {
		return policy.Policy{}, fmt.Errorf("%s holds %s, and should hold one", name, count(len(f.Policies), "policy"))
	}
	return f.Policies[0], nil
}
