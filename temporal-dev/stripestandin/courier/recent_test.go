package courier

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheLastAreRemembered(t *testing.T) {
	t.Parallel()
	r := recent[int]{most: 3}
	for n, want := range [][]int{{}, {1}, {1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 6}, {5, 6, 7}} {
		if n > 0 {
			r.add(n)
		}
		require.ElementsMatch(t, want, r.all())
		require.IsIncreasing(t, append([]int{0}, append(r.all(), 99)...))
		require.Less(t, len(r.list), 6)
	}
}
