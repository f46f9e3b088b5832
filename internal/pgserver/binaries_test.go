package pgserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBinariesAreFoundInOrder(t *testing.T) {
	t.Parallel()
	const debian, brew = "usr/lib/postgresql/*/bin", "opt/postgresql*/bin"
	for name, test := range map[string]struct {
		programs []string // made in a fake root
		links    []string // "name -> target" in the fake root
		path     string
		want     string // empty: nothing is found
	}{
		"PATH comes first": {
			programs: []string{"a/postgres", "a/initdb", "usr/lib/postgresql/17/bin/postgres", "usr/lib/postgresql/17/bin/initdb"},
			path:     "empty:a",
			want:     "a",
		},
		"a link in PATH leads to where the programs are at home": {
			programs: []string{"cellar/16/bin/postgres", "cellar/16/bin/initdb"},
			links:    []string{"a/postgres -> cellar/16/bin/postgres"},
			path:     "a",
			want:     "cellar/16/bin",
		},
		"a postgres without its initdb is passed over": {
			programs: []string{"a/postgres", "b/initdb", "usr/lib/postgresql/15/bin/postgres", "usr/lib/postgresql/15/bin/initdb"},
			path:     "a:b",
			want:     "usr/lib/postgresql/15/bin",
		},
		"of Debian's versions the highest, by number": {
			programs: []string{
				"usr/lib/postgresql/9/bin/postgres", "usr/lib/postgresql/9/bin/initdb",
				"usr/lib/postgresql/15/bin/postgres", "usr/lib/postgresql/15/bin/initdb",
			},
			want: "usr/lib/postgresql/15/bin",
		},
		"a version with only client programs does not count": {
			programs: []string{
				"usr/lib/postgresql/17/bin/psql",
				"usr/lib/postgresql/15/bin/postgres", "usr/lib/postgresql/15/bin/initdb",
			},
			want: "usr/lib/postgresql/15/bin",
		},
		"Homebrew's come last, and with a version before without": {
			programs: []string{
				"opt/postgresql/bin/postgres", "opt/postgresql/bin/initdb",
				"opt/postgresql@14/bin/postgres", "opt/postgresql@14/bin/initdb",
				"opt/postgresql@17/bin/postgres", "opt/postgresql@17/bin/initdb",
			},
			want: "opt/postgresql@17/bin",
		},
		"a machine without Postgres": {path: "a:b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			for _, program := range test.programs {
				write(t, filepath.Join(root, program), "#!/bin/sh\n")
			}
			for _, link := range test.links {
				from, to, _ := strings.Cut(link, " -> ")
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, from)), 0o750))
				require.NoError(t, os.Symlink(filepath.Join(root, to), filepath.Join(root, from)))
			}
			var path []string
			for _, dir := range filepath.SplitList(test.path) {
				path = append(path, filepath.Join(root, dir))
			}
			got, ok := find(strings.Join(path, string(filepath.ListSeparator)),
				[]string{filepath.Join(root, debian), filepath.Join(root, brew)})
			assert.Equal(t, test.want != "", ok)
			if ok {
				assert.Equal(t, filepath.Join(root, test.want), got)
			}
		})
	}
}

func TestRelativePathEntryIsIgnored(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "here/postgres", "#!/bin/sh\n")
	write(t, "here/initdb", "#!/bin/sh\n")
	_, ok := find("here:.", nil)
	assert.False(t, ok)
}

func TestLocaleIsUnicodeWhereTheSystemOrPostgresHasIt(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"--locale", "C.UTF-8"}, locale("linux", 15))
	assert.Contains(t, locale("darwin", 17), "builtin")
	assert.Equal(t, []string{"--locale", "C"}, locale("darwin", 16))
}

func TestEnvironmentCannotChangeTheServer(t *testing.T) {
	t.Parallel()
	got := environment([]string{"PATH=/bin", "PGDATA=/other", "PGTZ=CET", "LC_ALL=de_DE", "TZ=CET", "HOME=/h"})
	assert.Equal(t, []string{"PATH=/bin", "HOME=/h", "LC_ALL=C", "TZ=UTC"}, got)
}

// write makes a program.
func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
}
