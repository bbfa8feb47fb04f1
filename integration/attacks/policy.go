package attacks

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed policies/*.yaml
var policies embed.FS

// Policy is what attacks are tried under, in one container.
type Policy struct {
	Name  string
	About string // what it does, in a sentence
	Short string // its specification, with long names as {a*255}: a 255 times
}

// Policies reads them, in the order of their names.
func Policies() ([]Policy, error) {
	files, err := fs.Glob(policies, "policies/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the attacks' policies: %w", err)
	}
	var all []Policy
	for _, file := range files {
		text, err := policies.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the attacks' policies: %w", err)
		}
		var p Policy
		var about []string
		for line := range strings.Lines(string(text)) {
			if words, ok := strings.CutPrefix(line, "# "); ok {
				about = append(about, strings.TrimSpace(words))
			} else {
				p.Short += line
			}
		}
		p.Name, p.About = strings.TrimSuffix(path.Base(file), ".yaml"), strings.Join(about, " ")
		if p.About == "" {
			return nil, fmt.Errorf("%s: %w", file, errors.New("it does not say what it does"))
		}
		all = append(all, p)
	}
	return all, nil
}

// repeated matches the short form of a long name.
var repeated = regexp.MustCompile(`\{(/?[a-z])\*(\d+)(?:\*(\d+))?\}`)

// Spec is the specification in full but for the selector, indented by two.
// {/b*200*20} is a slash and 200 times b, all of it 20 times.
func (p Policy) Spec() string {
	return repeated.ReplaceAllStringFunc(p.Short, func(short string) string {
		parts := repeated.FindStringSubmatch(short)
		slash, letter := "", parts[1]
		if len(letter) == 2 {
			slash, letter = "/", letter[1:]
		}
		count := func(text string) int {
			n, err := strconv.Atoi(text)
			if err != nil {
				return 1 // none is given
			}
			return n
		}
		return strings.Repeat(slash+strings.Repeat(letter, count(parts[2])), count(parts[3]))
	})
}

// Paths says whether the policy is about files, programs or sources, which
// take an LSM.
func (p Policy) Paths() bool {
	for _, word := range []string{"process:", "file:", "fromSource:"} {
		if strings.Contains(p.Short, word) {
			return true
		}
	}
	return false
}
