package translate

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// resolve turns policy rules into rules about what the kernel sees inside the
// container. One rule yields one or more, all with its index as their Number:
//
//   - A literal path or directory is taken through the links among its
//     parents. If its last component is a link, the link's own name and its
//     target are covered both. An execution through a link to a multi-call
//     binary is covered by the link's base name instead of the target, which
//     is every other program as well.
//   - A path through the ..data link of a projected volume becomes a pattern
//     that matches in every generation of the volume.
//   - Of a pattern, the directory that its literal prefix names is resolved:
//     on an image with a merged /usr, /bin/* is /usr/bin/*. Links that it
//     would only match through a glob are not: the object of an access is
//     what the kernel resolves, and no link is among the parents of that.
//   - A source is the file that its path reaches: a running program is never
//     a link. Through a link to a multi-call binary, it is that binary under
//     any name.
//   - Base names, protocols, capabilities and system calls stay as they are.
//
// Paths are the resolutions that the result rests on, for Recheck. Refused
// says for rules, by index, why their paths cannot be resolved in any way;
// such a rule is in resolved as it is written, so that an allow-list stays
// one. The error is for file systems that cannot be read.
func resolve(rules []policy.Rule, root *rootfs.Root) (resolved []model.Rule, paths []Resolution, refused map[int]string, err error) {
	r := resolver{root: root, seen: make(map[string]bool), refused: make(map[int]string)}
	for i, rule := range rules {
		if err := r.rule(i, rule); err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", rule.Address, err)
		}
	}
	return r.resolved, r.paths, r.refused, nil
}

// canonical is the form of a path that a Resolution holds: what an access
// through the path reaches, or the glob that covers it in every generation of
// its volume.
func canonical(name string, root *rootfs.Root) (string, error) {
	res, err := root.Resolve(name)
	if err != nil {
		return "", err
	}
	return canonicalOf(res), nil
}

func canonicalOf(res rootfs.Result) string {
	if glob := res.FinalGlob(); glob != "" {
		return glob
	}
	return res.Final()
}

// resolver gathers what resolve returns.
type resolver struct {
	root     *rootfs.Root
	resolved []model.Rule
	paths    []Resolution
	seen     map[string]bool // paths that have a Resolution
	refused  map[int]string
}

// rule adds what the policy rule of index i resolves to.
func (r *resolver) rule(i int, p policy.Rule) error {
	m := model.Rule{
		Number:    i,
		Tier:      p.Tier,
		Class:     p.Class,
		Action:    p.Action,
		OwnerOnly: p.OwnerOnly,
		ReadOnly:  p.ReadOnly,
		Enforce:   p.Enforce,
	}
	objects, err := r.objects(p)
	if err == nil {
		err = r.sources(&m, p.Sources)
	}
	if reason, ok := refusal(err); ok {
		r.refused[i] = reason
		objects, err = []policy.Object{p.Object}, nil
		asWritten(&m, p.Sources)
	}
	if err != nil {
		return err
	}
	for _, o := range objects {
		m.Object = o
		r.resolved = append(r.resolved, m)
	}
	return nil
}

// sourceInVolume is the error for a source that no fixed path names.
type sourceInVolume string

func (s sourceInVolume) Error() string {
	return fmt.Sprintf("the source %q is in a volume whose directory changes with every update; name an executable outside it", string(s))
}

// refusal is why a rule is refused, if err refuses the rule rather than the
// whole plan.
func refusal(err error) (string, bool) {
	var volume sourceInVolume
	if errors.As(err, &volume) || rootfs.Unresolvable(err) {
		return err.Error(), true
	}
	return "", false
}

// objects are what the rule's object covers.
func (r *resolver) objects(p policy.Rule) ([]policy.Object, error) {
	switch p.Object.Kind {
	case policy.Path:
		return r.path(p.Class, p.Object)
	case policy.Directory:
		return r.directory(p.Object)
	case policy.Pattern:
		return r.pattern(p.Object)
	default:
		return []policy.Object{p.Object}, nil
	}
}

func (r *resolver) path(class policy.Class, o policy.Object) ([]policy.Object, error) {
	res, err := r.look(o.Name)
	if err != nil {
		return nil, err
	}
	objects := []policy.Object{literal(res.Real, res.RealGlob)}
	switch {
	case res.Target == "":
	case class == policy.Process && res.Multicall:
		objects = append(objects, policy.Object{Kind: policy.ExecName, Name: path.Base(res.Real)})
	default:
		objects = append(objects, literal(res.Target, res.TargetGlob))
	}
	return objects, nil
}

// literal is the object of one path: the path, or its glob if it has one.
func literal(path, glob string) policy.Object {
	if glob != "" {
		return policy.Object{Kind: policy.Pattern, Name: glob}
	}
	return policy.Object{Kind: policy.Path, Name: path}
}

func (r *resolver) directory(o policy.Object) ([]policy.Object, error) {
	res, err := r.look(o.Name)
	if err != nil {
		return nil, err
	}
	objects := directories(res.Real, res.RealGlob, o.Recursive)
	if res.Target != "" {
		objects = append(objects, directories(res.Target, res.TargetGlob, o.Recursive)...)
	}
	return objects, nil
}

// directories are the objects of one directory: itself, or patterns of the
// same meaning if it has a glob.
func directories(dir, glob string, recursive bool) []policy.Object {
	if glob == "" {
		return []policy.Object{{Kind: policy.Directory, Name: dir, Recursive: recursive}}
	}
	children := glob + "/*"
	if recursive {
		children = glob + "/**"
	}
	return []policy.Object{
		{Kind: policy.Pattern, Name: glob},
		{Kind: policy.Pattern, Name: children},
	}
}

// pattern resolves the directory that the pattern's literal prefix names.
func (r *resolver) pattern(o policy.Object) ([]policy.Object, error) {
	dir, rest := literalDirectory(o.Name)
	if dir == "" {
		return []policy.Object{o}, nil
	}
	res, err := r.look(dir)
	if err != nil {
		return nil, err
	}
	glob := res.FinalGlob()
	if glob == "" {
		glob = rootfs.Quote(res.Final())
	}
	o.Name = strings.TrimSuffix(glob, "/") + rest
	return []policy.Object{o}, nil
}

// literalDirectory divides a pattern behind its last component boundary
// before any glob: the directory as a path, and the rest of the pattern from
// the slash on. The directory is empty if there is none but the root.
func literalDirectory(pattern string) (dir, rest string) {
	var name strings.Builder
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case strings.IndexByte("*?[{", c) >= 0:
			return dir, rest
		case c == '\\' && i+1 < len(pattern):
			i++
			if c = pattern[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
				return dir, rest // a byte by its number
			}
		case c == '/':
			dir, rest = name.String(), pattern[i:]
		}
		name.WriteByte(c)
	}
	return dir, rest
}

// sources fills in the sources of a rule. A rule that has some never ends up
// with none, which would make it a rule for every process.
func (r *resolver) sources(m *model.Rule, sources []policy.Source) error {
	for _, s := range sources {
		name := s.Path
		if name == "" {
			name = s.Dir
		}
		res, err := r.look(name)
		if err != nil {
			return err
		}
		switch {
		case res.FinalGlob() != "":
			return sourceInVolume(name)
		case s.Path != "":
			m.Sources = append(m.Sources, res.Final())
		default:
			m.SourceDirs = append(m.SourceDirs, policy.Source{Dir: res.Final(), Recursive: s.Recursive})
		}
	}
	return nil
}

// asWritten gives a refused rule the sources that the policy has.
func asWritten(m *model.Rule, sources []policy.Source) {
	m.Sources, m.SourceDirs = nil, nil
	for _, s := range sources {
		if s.Path != "" {
			m.Sources = append(m.Sources, s.Path)
		} else {
			m.SourceDirs = append(m.SourceDirs, s)
		}
	}
}

// look resolves a literal path and records what it stood for.
func (r *resolver) look(name string) (rootfs.Result, error) {
	res, err := r.root.Resolve(name)
	if err == nil && !r.seen[name] {
		r.seen[name] = true
		r.paths = append(r.paths, Resolution{Path: name, Real: canonicalOf(res)})
	}
	return res, err
}
