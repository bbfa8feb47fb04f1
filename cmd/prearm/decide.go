package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/translate"
)

// maxQuestion bounds one line of questions, in bytes.
const maxQuestion = 64 << 10

// blocked is the exit code with --exit-code where an answer is Block.
const blocked exitCode = 2

func newDecide() *cobra.Command {
	var (
		q        question
		a        asked
		policies []string
		owner    uint32
		write    bool
		code     bool
		output   string
	)
	cmd := &cobra.Command{
		Use:   "decide [flags] CLASS OBJECT | decide [flags] -",
		Short: "Ask what the policies say of one access",
		Long: `Decide says whether a process of a container may do something: Allow, Audit (it may,
and is alerted on) or Block, and by which rule. It answers by what the policies mean;
what this node enforces of that, and how, prearm explain says.

  process PATH          executing a program; --op map, maps it as code; --op tamper,
                        links, renames, replaces or removes it. ` + nameless + ` is a program
                        without a name
  file PATH             reading; --op write (--write) for every change; --op tamper
  network KIND          making or using a socket: tcp, udp, icmp, raw, packet, ...
  capabilities NAME     using a capability
  syscalls NAME         a system call; --target is its path argument
  mount                 mounting, unmounting, pivot_root

The acting program is --source, its user --uid. Paths are resolved in the container's
root file system (--rootfs, --container); without one they are taken as they are
written, and the answer says so.

With -, questions come from standard input, a JSON object a line with the members
class, object, op, source, uid, owner and target, and each is answered by a line of
JSON, in the same order. The first bad line ends it, with an error.

The exit code is 0 if there is an answer, whatever it is, and 1 if there is none. With
--exit-code it is 2 if the answer, or any of them, is Block.`,
		Example: `  prearm decide -n shop -l app=web process /bin/sleep --source /bin/bash --uid 1000
  prearm decide --policy web.yaml -n shop -l app=web file /etc/shadow --write -o json
  prearm decide -n shop -l app=web --rootfs /tmp/web-rootfs - <questions.jsonl`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeDecide,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			many := args[0] == "-"
			if many && (len(args) > 1 || cmd.Flags().Changed("output") && output != "json") {
				return errors.New("-: nothing comes after it, and answers are JSON")
			}
			for _, name := range []string{"source", "uid", "owner", "op", "write", "target"} {
				if many && cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s: with -, each line says so itself", name)
				}
			}
			if err := q.readLabels(); err != nil {
				return err
			}
			if !many {
				a.Class = args[0]
				if len(args) == 2 {
					a.Object = args[1]
				}
				if write {
					a.Op = "write"
				}
				if cmd.Flags().Changed("owner") {
					a.Owner = &owner
				}
				if _, err := a.access(); err != nil {
					return err
				}
			}
			cmd.SilenceUsage = true
			var denied bool
			err := decide(cmd, q, policies, func(d *decider) (err error) {
				if many {
					denied, err = d.answerAll(cmd.InOrStdin(), cmd.OutOrStdout())
					return err
				}
				out, err := d.answer(a)
				if err != nil {
					return err
				}
				denied = out.Action == policy.Block
				if output == "json" {
					return printJSON(cmd.OutOrStdout(), out)
				}
				return out.print(cmd.OutOrStdout())
			})
			if err == nil && denied && code {
				cmd.SilenceErrors = true
				return blocked
			}
			return err
		},
	}
	q.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&policies, "policy", nil, "a policy file, or a folder of them, instead of the policy folder (repeatable)")
	f.StringVar(&a.Source, "source", "", "the acting program's file")
	f.Uint32Var(&a.UID, "uid", 0, "the acting process's uid")
	f.Uint32Var(&owner, "owner", 0, "uid that owns the object (default: as in the root file system)")
	f.StringVar(&a.Op, "op", "", "what is done to the object (default: the usual of its class)")
	f.BoolVar(&write, "write", false, "the same as --op write")
	f.StringVar(&a.Target, "target", "", "path argument of a system call")
	f.BoolVar(&code, "exit-code", false, "exit with 2 if the answer is Block")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	cmd.MarkFlagsMutuallyExclusive("policy", "policies")
	cmd.MarkFlagsMutuallyExclusive("policy", "container")
	cmd.MarkFlagsMutuallyExclusive("op", "write")
	_ = cmd.RegisterFlagCompletionFunc("op", completeOp) // fails only for a flag that is not there
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// decide prepares what questions are answered by, and asks.
func decide(cmd *cobra.Command, q question, policies []string, ask func(*decider) error) (err error) {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	e := &explanation{Subject: q.subject, config: c}
	f, err := lookUp(cmd.Context(), e, q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var selection store.Selection
	if len(policies) > 0 {
		selection, err = selectFrom(policies, e.Subject)
	} else {
		selection, err = selectRules(c, q.policies, e.Subject)
	}
	if err != nil {
		return err
	}
	d, err := newDecider(selection.Rules, postureOf(c.Posture, selection.Posture), f)
	if err != nil {
		return err
	}
	return ask(d)
}

// answerAll answers a question a line, and says whether any answer is Block.
func (d *decider) answerAll(in io.Reader, w io.Writer) (denied bool, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxQuestion)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	number := 1
	for ; lines.Scan(); number++ {
		q, err := readAsked(lines.Bytes())
		if err != nil {
			return denied, fmt.Errorf("line %d: %w", number, err)
		}
		out, err := d.answer(q)
		if err != nil {
			return denied, fmt.Errorf("line %d: %w", number, err)
		}
		denied = denied || out.Action == policy.Block
		if err := encoder.Encode(out); err != nil {
			return denied, err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return denied, fmt.Errorf("line %d: longer than %d bytes", number, maxQuestion)
	}
	return denied, lines.Err()
}

// completeDecide completes the class, then the object.
func completeDecide(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return append(slices.Sorted(maps.Keys(operations())), "-"), cobra.ShellCompDirectiveNoFileComp
	case len(args) > 1:
	case args[0] == string(policy.Process) || args[0] == string(policy.File):
		return nil, cobra.ShellCompDirectiveDefault
	case args[0] == string(policy.Network):
		return slices.Sorted(maps.Keys(sockets())), cobra.ShellCompDirectiveNoFileComp
	case args[0] == string(policy.Capabilities):
		var names []string
		for _, name := range translate.KnownCapabilities() {
			names = append(names, strings.ToLower(strings.TrimPrefix(name, "CAP_")))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeOp completes --op for the class that is there already.
func completeOp(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	for class, ops := range operations() {
		if len(args) > 0 && class != args[0] {
			continue
		}
		for _, op := range ops {
			words = append(words, string(op))
		}
	}
	slices.Sort(words)
	return slices.Compact(words), cobra.ShellCompDirectiveNoFileComp
}
