// Package store is the node's store of policies: a folder of policy files,
// and an index of it from which a start takes the few policies that it needs
// without reading a line of YAML.
//
// # The folder
//
// Files ending in .yaml, .yml or .json are policies; other files, hidden files
// and folders are not looked at. Symlinks are followed, so a projected
// Kubernetes volume (files that are links through ..data) works. An empty
// folder means that no policy applies; a missing or unreadable one refuses
// every start, because nobody can tell what it would have said.
//
// # Never stale
//
// Open answers only if the index was made of exactly the files that are there
// now, in exactly their present versions; otherwise its error matches ErrStale
// and "prearm index" has to run. The check takes one statx per file, beside
// the folder's own, which tells of names that came or went. Of what is exact it
// was the cheapest found, with 10,000 files on a 2-core virtual machine whose
// cheapest system call takes 0.19 µs:
//
//	read and parse every file                    seconds
//	os.ReadDir and Info on each entry            24.9 ms
//	getdents, then raw statx of each             18.4 ms
//	the same on two threads                      10.5 ms
//	raw statx of each name in the index          15.6 ms
//	the same on two threads                       7.7 ms
//	the folder's own times                       0.002 ms, but blind to an edit in place
//
// A start on a node with 10,000 files has its rules after 0.7 ms, and knows
// 8 to 17 ms later, as the other processor is free or not, that they are
// right. With 100 files both take 0.2 ms. The cost is by file more than by
// policy: 10,000 policies in 100 files take 0.35 ms.
//
// io_uring hands statx to a worker thread and gains nothing; a kernel watch
// (inotify, fanotify) lives only as long as the process that holds it, and a
// start must not depend on one. What remains can be hidden: Begin reads the
// index and starts the check beside the caller, who selects and compiles
// meanwhile and calls Verify before acting on it.
//
// Reproduce the last figures with
//
//	go test -run '^$' -bench . ./policy/store/...
//
// # Bad files
//
// A bad file keeps its last version that was good as a whole in force; the
// index carries it. One that never had any is in force with its valid
// documents only, and refuses every start that its bad documents may be about:
// those of their namespaces, or all where that cannot be told.
package store
