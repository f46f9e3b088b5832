package pgserver

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// installed are the places of programs that packages keep out of PATH, best first: Debian's, then Homebrew's.
var installed = []string{
	"/usr/lib/postgresql/*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
}

// binaries is the directory of a postgres and an initdb, installed or downloaded if the machine has none.
func binaries(ctx context.Context, progress io.Writer) (string, error) {
	if bin, ok := find(os.Getenv("PATH"), installed); ok {
		return bin, nil
	}
	return install(ctx, progress)
}

// find looks on the path, then in the places that match the patterns, the highest version of each first.
func find(path string, patterns []string) (string, bool) {
	for _, dir := range filepath.SplitList(path) {
		if bin, ok := home(dir); ok {
			return bin, true
		}
	}
	for _, pattern := range patterns {
		dirs, _ := filepath.Glob(pattern) // Its only error is a pattern that is none.
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(versionIn(b), versionIn(a)) })
		for _, dir := range dirs {
			if bin, ok := home(dir); ok {
				return bin, true
			}
		}
	}
	return "", false
}

// home follows a directory's postgres to where it is at home: it finds its own share directory from there, and initdb has
// to be beside it.
func home(dir string) (string, bool) {
	if !filepath.IsAbs(dir) {
		return "", false // A relative entry of PATH means another place in every directory.
	}
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return "", false
	}
	bin := filepath.Dir(postgres)
	return bin, executable(postgres) && executable(filepath.Join(bin, "initdb"))
}

func executable(path string) bool {
	info, err := os.Stat(path) //nolint:gosec // PATH is the caller's own
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

var digits = regexp.MustCompile(`\d+`)

// versionIn is the version in a place such as postgresql/15/bin or postgresql@15/bin; zero if it names none.
func versionIn(bin string) int {
	n, _ := strconv.Atoi(digits.FindString(filepath.Base(filepath.Dir(bin))))
	return n
}
