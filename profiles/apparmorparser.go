package profiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
)

// parser is apparmor_parser as it is installed.
type parser struct {
	path  string
	build string // tells one version from the next without running it
}

// findParser finds apparmor_parser in PATH, or where daemons with a short
// PATH do not look.
func findParser() (parser, error) {
	path, err := exec.LookPath("apparmor_parser")
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if err == nil && filepath.IsAbs(path) {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, "apparmor_parser"))
	}
	if err != nil {
		return parser{}, errors.New("apparmor_parser is not installed (apt-get install apparmor)")
	}
	info, err := os.Stat(path)
	if err != nil {
		return parser{}, err
	}
	return parser{path, fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())}, nil
}

// key names what the parser makes of the profile. The profile's name covers
// its text and the kernel's features.
func (p parser) key(profile translate.AppArmor) string {
	sum := sha256.New()
	for _, part := range []string{profile.Name, profile.Text, base.Features, p.build} {
		_, _ = fmt.Fprintf(sum, "%d %s\n", len(part), part) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// compile has the parser make the kernel's form of a profile, which it reads
// from stdin, whatever this node's parser.conf says.
func (p parser) compile(ctx context.Context, run Runner, features, text string) ([]byte, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, p.path, "--config-file=/dev/null", "--policy-features="+features,
		"--skip-kernel-load", "--skip-cache", "--quiet", "--stdout")
	cmd.Stdin = strings.NewReader(text)
	cmd.Stdout = &out
	if err := run.Run(cmd); err != nil {
		return nil, fmt.Errorf("it does not compile: %w", err)
	}
	if out.Len() == 0 {
		return nil, errors.New("apparmor_parser compiles it to nothing")
	}
	return out.Bytes(), nil
}
