package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate/glob"
)

func TestResolve(t *testing.T) {
	r := open(t, build(t, image))
	file := func(real string) Result { return Result{Real: real, Exists: true} }
	dir := func(real string) Result { return Result{Real: real, Exists: true, IsDir: true} }
	absent := func(real string) Result { return Result{Real: real} }
	for _, c := range []struct {
		path string
		want Result
	}{
		{"/", dir("/")},
		{"//", dir("/")},
		{"/..", dir("/")},
		{"/usr/bin/sleep", file("/usr/bin/sleep")},
		{"/bin/sleep", file("/usr/bin/sleep")},
		{"/sbin/route", file("/usr/sbin/route")},
		{"//bin/./sleep", file("/usr/bin/sleep")},
		{"/bin/../sbin/route", file("/usr/sbin/route")},
		{"/bin/../../../../bin/sleep", absent("/usr/bin/sleep").existing()},
		{"/bin", Result{Real: "/bin", Target: "/usr/bin", Exists: true, IsDir: true}},
		{"/bin/", Result{Real: "/bin", Target: "/usr/bin", Exists: true, IsDir: true}},
		{"/bin/.", dir("/usr/bin")},
		{"/slash", Result{Real: "/slash", Target: "/usr/bin", Exists: true, IsDir: true}},
		{"/fileslash", Result{Real: "/fileslash", Target: "/etc/passwd"}},
		{"/bin/sh", Result{Real: "/usr/bin/sh", Target: "/usr/bin/dash", Exists: true}},
		{"/bin/awk", Result{Real: "/usr/bin/awk", Target: "/usr/bin/mawk", Exists: true}},
		{"/bin/vi", Result{Real: "/usr/bin/vi", Target: "/usr/bin/busybox", Exists: true, Multicall: true}},
		{"/bin/busybox", file("/usr/bin/busybox")},
		{"/etc/dangling", Result{Real: "/etc/dangling", Target: "/no/such/file"}},
		{"/etc/upwards", Result{Real: "/etc/upwards", Target: "/etc/shadow"}},
		{"/no/such", absent("/no/such")},
		{"/bin/no/such/../x", absent("/usr/bin/no/x")},
		{"/no/../etc/passwd", absent("/etc/passwd")},
		{"/etc/passwd/x", absent("/etc/passwd/x")},
		{"/etc/passwd/../passwd", absent("/etc/passwd")},
		{"/loop/a/../x", Result{}},
		{"/var/run/lock", absent("/run/lock")},
		{"/pipe", file("/pipe")},

		{"/vol/token", Result{Real: "/vol/token", Target: "/vol/..2026_01_01.1/token", TargetGlob: "/vol/..*/token", Exists: true}},
		{"/vol/..data/token", Result{Real: "/vol/..2026_01_01.1/token", RealGlob: "/vol/..*/token", Exists: true}},
		{"/vol/sub/file", Result{Real: "/vol/..2026_01_01.1/sub/file", RealGlob: "/vol/..*/sub/file", Exists: true}},
		{"/vol/sub", Result{Real: "/vol/sub", Target: "/vol/..2026_01_01.1/sub", TargetGlob: "/vol/..*/sub", Exists: true, IsDir: true}},
		{"/vol/sub/../../x", absent("/vol/x")},
		{"/vol/sub/no", Result{Real: "/vol/..2026_01_01.1/sub/no", RealGlob: "/vol/..*/sub/no"}},
		{"/vol/..2026_01_01.1/token", file("/vol/..2026_01_01.1/token")},
		{"/odd*dir/..data/f", Result{Real: "/odd*dir/..x/f", RealGlob: `/odd\*dir/..*/f`, Exists: true}},
	} {
		got, err := r.Resolve(c.path)
		if c.want == (Result{}) {
			if !errors.Is(err, ErrLoop) {
				t.Errorf("%s: got %+v, %v; want a loop", c.path, got, err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.path, got, err, c.want)
		}
	}
}

func (r Result) existing() Result {
	r.Exists = true
	return r
}

func TestGenerationGlobs(t *testing.T) {
	r := open(t, build(t, image))
	res, err := r.Resolve("/odd*dir/..data/f")
	must(t, err)
	g, err := glob.Parse(res.RealGlob)
	must(t, err)
	for path, want := range map[string]bool{
		"/odd*dir/..x/f":      true,
		"/odd*dir/..2030.7/f": true,
		"/oddXdir/..x/f":      false,
		"/odd*dir/..x/y/f":    false,
		"/odd*dir/f":          false,
	} {
		if g.Match(path) != want {
			t.Errorf("%s matches %s: %v", res.RealGlob, path, !want)
		}
	}
}

func TestQuote(t *testing.T) {
	path := `/a b/*?[x]{y,z}^\w/"q"`
	g, err := glob.Parse(Quote(path))
	must(t, err)
	if !g.Match(path) || g.Match(strings.ReplaceAll(path, "*", "x")) {
		t.Errorf("%s is not %s alone", Quote(path), path)
	}
}

func TestUnresolvable(t *testing.T) {
	r := open(t, build(t, image))
	long := "/" + strings.Repeat("a/", 2047)
	for _, c := range []struct {
		path string
		want error
	}{
		{"", ErrMalformed},
		{"etc/passwd", ErrMalformed},
		{"/etc\x00/passwd", ErrMalformed},
		{"/loop/a", ErrLoop},
		{"/loop/self", ErrLoop},
		{"/loop/self/x", ErrLoop},
		{"/loop/parent", ErrLoop},
		{"/" + strings.Repeat("a", 256), ErrTooLong},
		{"/no/" + strings.Repeat("a", 256), ErrTooLong},
		{long + "aa", ErrTooLong},
	} {
		_, err := r.Resolve(c.path)
		if !errors.Is(err, c.want) || !Unresolvable(err) {
			t.Errorf("%.40q: %v, want %v", c.path, err, c.want)
		}
	}
	if _, err := r.Resolve("/loop/a"); err == nil || !strings.Contains(err.Error(), `"/loop/a"`) {
		t.Errorf("the error does not name the path: %v", err)
	}
	for _, path := range []string{long + "a", "/" + strings.Repeat("a", 255)} {
		if res, err := r.Resolve(path); err != nil || res.Real != path || res.Exists {
			t.Errorf("%d bytes: %.40q, %v", len(path), res.Real, err)
		}
	}
}

func TestFortyLinks(t *testing.T) {
	files := tree{"/0": "end"}
	for i := 1; i <= 41; i++ {
		files[fmt.Sprintf("/%d", i)] = fmt.Sprintf("-> %d", i-1)
	}
	r := open(t, build(t, files))
	if res, err := r.Resolve("/40"); err != nil || res.Target != "/0" {
		t.Errorf("40 links: %+v, %v", res, err)
	}
	if _, err := r.Resolve("/41"); !errors.Is(err, ErrLoop) {
		t.Errorf("41 links: %v", err)
	}
}

// An image's /etc may be a link to /, and links may point out of the root:
// nothing of the host is ever looked at.
func TestHostileImage(t *testing.T) {
	outside := build(t, tree{"/secret": "x", "/dir/secret": "x"})
	dir := build(t, tree{
		"/etc":          "-> /",
		"/passwd":       "root",
		"/shadow":       "-> ../../../../../../../../../../etc/shadow",
		"/absolute":     "-> " + outside,
		"/host":         "-> " + outside + "/secret",
		"/climb/a/b":    "-> ../../../../../../../../../../../../../.." + outside + "/dir",
		"/proc/self/fd": "-> /proc/1/root",
	})
	r := open(t, dir)
	for path, want := range map[string]Result{
		"/etc/passwd":          {Real: "/passwd", Exists: true},
		"/etc/etc/etc/passwd":  {Real: "/passwd", Exists: true},
		"/shadow":              {Real: "/shadow", Target: "/shadow"},
		"/host":                {Real: "/host", Target: outside + "/secret"},
		"/absolute/secret":     {Real: outside + "/secret"},
		"/climb/a/b/secret":    {Real: outside + "/dir/secret"},
		"/proc/self/fd/secret": {Real: "/proc/1/root/secret"},
	} {
		got, err := r.Resolve(path)
		if path == "/shadow" {
			if !errors.Is(err, ErrLoop) { // /etc is /, so it leads to itself
				t.Errorf("%s: %+v, %v", path, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", path, got, err, want)
		}
	}
	if _, err := r.Owner("/host"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("owner of a host's file: %v", err)
	}
}

func TestMounts(t *testing.T) {
	dir := build(t, tree{
		"/var/run":       "-> /run",
		"/run/old":       "image",
		"/data/file":     "image",
		"/etc/hosts":     "image",
		"/etc/link":      "-> hosts",
		"/etc/to-volume": "-> /data/inner",
		"/etc/mtab":      "-> /proc/mounts",
		"/log":           "-> /dev/stdout",
		"/outer/x":       "image",
	})
	volume := build(t, tree{
		"/inner":        "volume",
		"/up":           "-> ../etc/hosts",
		"/absolute":     "-> /data/inner",
		"/sub/deep":     "volume",
		"/link-to-sub":  "-> sub",
		"/..2026/token": "1",
		"/..data":       "-> ..2026",
		"/token":        "-> ..data/token",
	})
	hosts := filepath.Join(build(t, tree{"/hosts": "volume"}), "hosts")
	second := build(t, tree{"/second": "volume"})
	r := open(t, dir,
		newMount("proc", "/proc"),
		newMount("tmpfs", "/dev"),
		newMount("devpts", "/dev/pts"),
		newMount("sysfs", "/sys"),
		bindMount(volume, "/data"),
		bindMount(hosts, "/etc/link"), // lands on what the link points to
		newMount("tmpfs", "/var/run"), // lands on /run
		bindMount(volume, "/var/run/secrets/deep/volume"),
		bindMount(volume, "/data/link-to-sub"), // through a link of the volume itself
		bindMount(hosts, "/dev/termination-log"),
		bindMount(second, "/outer/x/y/z"), // behind a file: nothing is there
		bindMount(volume, "/hidden/inside"),
		bindMount(second, "/hidden"), // hides the one before
		bindMount(second, "/made/on/the/way"),
	)
	for path, want := range map[string]Result{
		"/data/inner":                    {Real: "/data/inner", Exists: true},
		"/data/file":                     {Real: "/data/file"},
		"/data":                          {Real: "/data", Exists: true, IsDir: true},
		"/data/up":                       {Real: "/data/up", Target: "/etc/hosts", Exists: true},
		"/data/absolute":                 {Real: "/data/absolute", Target: "/data/inner", Exists: true},
		"/data/../etc/hosts":             {Real: "/etc/hosts", Exists: true},
		"/data/token":                    {Real: "/data/token", Target: "/data/..2026/token", TargetGlob: "/data/..*/token", Exists: true},
		"/etc/to-volume":                 {Real: "/etc/to-volume", Target: "/data/inner", Exists: true},
		"/etc/link":                      {Real: "/etc/link", Target: "/etc/hosts", Exists: true},
		"/run/old":                       {Real: "/run/old", Opaque: "/run"},
		"/run/any/../thing/":             {Real: "/run/thing", Opaque: "/run"},
		"/var/run/secrets":               {Real: "/run/secrets", Opaque: "/run"},
		"/run/secrets/deep/volume/inner": {Real: "/run/secrets/deep/volume/inner", Exists: true},
		"/data/sub/inner":                {Real: "/data/sub/inner", Exists: true},
		"/data/sub/deep":                 {Real: "/data/sub/deep"},
		"/dev/termination-log":           {Real: "/dev/termination-log", Exists: true},
		"/dev/null":                      {Real: "/dev/null", Opaque: "/dev"},
		"/dev/ptmx":                      {Real: "/dev/ptmx", Target: "/dev/pts/ptmx", Opaque: "/dev/pts"},
		"/proc/1/environ":                {Real: "/proc/1/environ", Opaque: "/proc"},
		"/sys/class/net":                 {Real: "/sys/class/net", Opaque: "/sys"},
		"/hidden/inside":                 {Real: "/hidden/inside"},
		"/hidden/second":                 {Real: "/hidden/second", Exists: true},
		"/made/on":                       {Real: "/made/on", Exists: true, IsDir: true},
		"/made/on/no":                    {Real: "/made/on/no"},
		"/made/on/../on/the/way/second":  {Real: "/made/on/the/way/second", Exists: true},
	} {
		got, err := r.Resolve(path)
		if err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", path, got, err, want)
		}
	}
	for _, path := range []string{"/proc/self/environ", "/proc/thread-self", "/etc/mtab", "/log", "/dev/fd/3"} {
		if got, err := r.Resolve(path); !errors.Is(err, ErrPerProcess) || !Unresolvable(err) {
			t.Errorf("%s: %+v, %v; want an error, for it is another file to each process", path, got, err)
		}
	}
}

func TestMountErrors(t *testing.T) {
	dir := build(t, image)
	for _, c := range []struct {
		mount specs.Mount
		want  string
	}{
		{bindMount("/no/such/source", "/data"), "/no/such/source"},
		{bindMount("relative", "/data"), "not an absolute path"},
		{bindMount(dir, "/"), "whole root file system"},
		{bindMount(dir, "/loop/a"), "40 symbolic links"},
		{newMount("tmpfs", "/x\x00y"), "not an absolute path"},
	} {
		r, err := New(dir, []specs.Mount{newMount("tmpfs", "/tmp"), c.mount})
		if err == nil {
			must(t, r.Close())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.mount, err, c.want)
		}
	}
	if _, err := New(filepath.Join(dir, "etc/passwd"), nil); err == nil {
		t.Error("a file is no root file system")
	}
}

// What is mounted below the source of a plain bind does not come along; with
// rbind it does.
func TestPlainBind(t *testing.T) {
	volume := build(t, tree{"/sub/under": "1", "/file": "1"})
	dir := build(t, tree{"/etc": "/"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread goes with its namespace
		for _, step := range []error{
			unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS),
			unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("tmpfs", volume+"/sub", "tmpfs", 0, ""),
			os.WriteFile(volume+"/sub/over", nil, 0o644),
		} {
			if step != nil {
				t.Error(step)
				return
			}
		}
		plain := bindMount(volume, "/plain")
		plain.Options = []string{"bind"}
		r, err := New(dir, []specs.Mount{plain, bindMount(volume, "/all")})
		if err != nil {
			t.Error(err)
			return
		}
		for path, want := range map[string]Result{
			"/plain/file":     {Real: "/plain/file", Exists: true},
			"/plain/sub/over": {Real: "/plain/sub/over", Opaque: "/plain/sub"},
			"/all/sub/over":   {Real: "/all/sub/over", Exists: true},
			"/all/sub/under":  {Real: "/all/sub/under"},
		} {
			if got, err := r.Resolve(path); err != nil || got != want {
				t.Errorf("%s:\n got %+v, %v\nwant %+v", path, got, err, want)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	<-done
}

func TestOwner(t *testing.T) {
	dir := build(t, tree{"/home/file": "1", "/link": "-> home/file", "/away": "-> /etc/passwd"})
	must(t, os.Lchown(filepath.Join(dir, "home/file"), 1234, 0))
	r := open(t, dir, newMount("tmpfs", "/tmp"))
	for _, path := range []string{"/home/file", "/link"} {
		if uid, err := r.Owner(path); err != nil || uid != 1234 {
			t.Errorf("%s: %d, %v", path, uid, err)
		}
	}
	if _, err := r.Owner("/away"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is the host's only: %v", err)
	}
	if _, err := r.Owner("/tmp/x"); !errors.Is(err, ErrOpaque) {
		t.Errorf("a file that is not known: %v", err)
	}
}

// A Root keeps few descriptors, and gives them back.
func TestDescriptors(t *testing.T) {
	files := tree{}
	for i := range 400 {
		files[fmt.Sprintf("/d%d/e/f", i)] = "1"
	}
	dir := build(t, files)
	before := descriptors(t)
	r, err := New(dir, []specs.Mount{bindMount(dir, "/mnt")})
	must(t, err)
	for i := range 400 {
		for _, at := range []string{"", "/mnt"} {
			path := fmt.Sprintf("%s/d%d/e/f", at, i)
			if res, err := r.Resolve(path); err != nil || !res.Exists {
				t.Fatalf("%s: %+v, %v", path, res, err)
			}
		}
	}
	if n := descriptors(t) - before; n > maxDescriptors+2 {
		t.Errorf("%d descriptors", n)
	}
	must(t, r.Close())
	if n := descriptors(t) - before; n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
	if _, err := r.Resolve("/d1"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed root: %v", err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}
