package reader

import (
	"strings"
)

// suggestName proposes the known name nearest to the one written, or lists
// all of them if none is near and they are few.
func suggestName(written string, known []string) string {
	if near, ok := nearest(written, known); ok {
		return didYouMean(near)
	}
	if len(known) > 20 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

func didYouMean(name string) string { return "did you mean " + name + "?" }

// nearest is the known name with the fewest edits from the one written, if
// they are few enough to be a slip.
func nearest(written string, known []string) (string, bool) {
	if len(written) > 64 {
		return "", false
	}
	best, edits := "", max(1, min(3, len(written)/3))+1
	for _, name := range known {
		if n := distance(strings.ToLower(written), strings.ToLower(name)); n < edits {
			best, edits = name, n
		}
	}
	return best, best != ""
}

// distance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment) between two names, byte by byte.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
