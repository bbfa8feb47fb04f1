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
// to be used.
func Apply(spec *specs.Spec, plan *translate.Plan) error {
	if spec.Process == nil {
		return errors.New("the container's spec has no process")
	}
	if err := ApplyProcess(spec.Process, plan); err != nil {
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
func ApplyProcess(process *specs.Process, plan *translate.Plan) error {
	if plan.Capabilities != nil {
		process.Capabilities = narrow(process.Capabilities, plan.Capabilities.Drop)
	}
	if plan.AppArmor != nil {
		profile, err := stack(plan.AppArmor.Name, process.ApparmorProfile)
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

// stack gives the label that confines a process by our profile and by the one
// that the spec asks for: AppArmor permits what all of a stack permit.
func stack(ours, theirs string) (string, error) {
	if strings.ContainsFunc(theirs, unicode.IsControl) {
		return "", fmt.Errorf("the container's AppArmor profile %q is not a profile's name", theirs)
	}
	switch {
	case theirs == "" || theirs == "unconfined":
		return ours, nil
	case slices.Contains(strings.Split(theirs, "//&"), ours):
		return theirs, nil // already stacked: an exec with the container's own process
	}
	return ours + "//&" + theirs, nil
}
