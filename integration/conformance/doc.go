// Package conformance enumerates the language of policies as rows: a small
// policy, one thing that a process tries under it, and the verdict of the
// reference model. The integration suite performs every row on a kernel and
// compares; docs/conformance.md is what came of it.
//
// A row's text is written in a short form of policies, see parseRule and
// parseAccess. In it, ~ is a folder that belongs to the row's case alone, and #
// the case's number: so the policies of many cases can be in force in one
// container without meaning each other's objects. Whether they really are
// independent is not assumed: a Pack takes a case only if, by the model, no
// verdict of any of its rows changes.
package conformance

//go:generate go test -run TestDocumentIsUpToDate . -update
