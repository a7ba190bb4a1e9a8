// Package spell compares what somebody wrote with the names that they may have meant. It
// keeps no state; which names there are is its callers' matter.
package spell

// Distance counts the single-byte edits that make b of a (Levenshtein). It takes time by
// the product of their lengths: callers bound them.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
