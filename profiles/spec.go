package profiles

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/translate"
)

// Apply puts what the plan asks of the OCI runtime into the container's spec:
// capabilities, seccomp filter and AppArmor profile. It only narrows what the
// spec has; where that cannot be done exactly it fails, and the spec is not
// to be used. Program is the canonical path of what the process executes, for
// a script of its interpreter.
func Apply(spec *specs.Spec, plan *translate.Plan, program string) error {
	if spec.Process == nil {
		return errors.New("the container's spec has no process")
	}
	if err := ApplyProcess(spec.Process, plan, program); err != nil {
		return err
	}
	if plan.Seccomp == nil {
		return nil
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	merged, err := MergeSeccomp(spec.Linux.Seccomp, *plan.Seccomp)
	if err != nil {
		return fmt.Errorf("the container's seccomp profile and the policies' rules cannot be merged: %w", err)
	}
	spec.Linux.Seccomp = merged
	return nil
}

// ApplyProcess does the same for one process, be it the container's first or
// one that joins it later. The seccomp filter belongs to the container: the
// runtime gives it to later processes by itself.
func ApplyProcess(process *specs.Process, plan *translate.Plan, program string) error {
	if plan.Capabilities != nil {
		process.Capabilities = narrow(process.Capabilities, plan.Capabilities.Drop)
	}
	if plan.AppArmor != nil {
		profile, err := stack(plan.AppArmor, program, process.ApparmorProfile)
		if err != nil {
			return err
		}
		process.ApparmorProfile = profile
	}
	return nil
}

// narrow removes capabilities from all sets. Names that this version does not
// know go too: an allow-list could not have named them. Where the spec says
// nothing of capabilities, runtimes differ (runc 1.1 gives none, 1.3 leaves
// the process all of its own), so the process gets none, explicitly.
func narrow(caps *specs.LinuxCapabilities, drop []string) *specs.LinuxCapabilities {
	if caps == nil {
		return &specs.LinuxCapabilities{}
	}
	known := translate.KnownCapabilities()
	keep := func(set []string) []string {
		var kept []string
		for _, name := range set {
			if slices.Contains(known, name) && !slices.Contains(drop, name) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	return &specs.LinuxCapabilities{
		Bounding:    keep(caps.Bounding),
		Effective:   keep(caps.Effective),
		Inheritable: keep(caps.Inheritable),
		Permitted:   keep(caps.Permitted),
		Ambient:     keep(caps.Ambient),
	}
}

// stack gives the label that confines a process by our profile for the program
// and by the one that the spec asks for: AppArmor permits what all of a stack
// permit.
func stack(ours *translate.AppArmor, program, theirs string) (string, error) {
	if strings.ContainsFunc(theirs, unicode.IsControl) {
		return "", fmt.Errorf("the container's AppArmor profile %q is not a profile's name", theirs)
	}
	const and = "//&"
	label := []string{ours.Label(program)}
	if theirs == "" || theirs == "unconfined" {
		return label[0], nil
	}
	for part := range strings.SplitSeq(theirs, and) {
		// Ours is there already in an exec with the container's own process,
		// whose program may have been another.
		if part != ours.Name && !strings.HasPrefix(part, ours.Name+"//") {
			label = append(label, part)
		}
	}
	return strings.Join(label, and), nil
}
