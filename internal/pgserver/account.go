package pgserver

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// account is who runs Postgres, which refuses to run as root. Ordinary users run it as themselves. Root gives the data to
// user postgres, or else nobody, and has them run it; where they cannot enter, it runs in a user namespace.
type account struct {
	name     string
	root     bool // we are root, and files must be given to uid and gid
	uid, gid int
	attr     syscall.SysProcAttr
}

// attributes are for one command: its own process group, so that a terminal's Ctrl-C reaches our orderly stop and not
// Postgres directly, and an end when we end.
func (a account) attributes() *syscall.SysProcAttr {
	attr := a.attr
	attr.Setpgid = true
	dieWithParent(&attr)
	return &attr
}

// accounts are those we may use, best first.
func accounts() []account {
	if os.Geteuid() != 0 {
		return []account{{name: "the current user"}}
	}
	var all []account
	for _, name := range []string{"postgres", "nobody"} {
		if a, ok := lookup(name); ok {
			all = append(all, a)
		}
	}
	return append(all, namespace()...)
}

func lookup(name string) (account, bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, false
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, false
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, false
	}
	attr := syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return account{name: name, root: true, uid: int(uid), gid: int(gid), attr: attr}, true
}

// chooseAccount returns the first account that can run the programs from inside dir, and their major version. Asking for
// the version tries it all at once: the account, the way to the programs and the way to the directory.
func chooseAccount(ctx context.Context, bin, dir string) (account, int, error) {
	var cause error
	for _, a := range accounts() {
		major, err := a.version(ctx, bin, dir)
		if err == nil {
			return a, major, nil
		}
		cause = and(cause, fmt.Errorf("as %s: %w", a.name, err))
	}
	return account{}, 0, noAccount(bin, dir, cause)
}

// noAccount says what to change when nobody can run the server. For root it is nearly always a closed directory.
func noAccount(bin, dir string, cause error) error {
	for _, path := range []string{dir, bin} {
		if closed := closedDir(path); os.Geteuid() == 0 && closed != "" {
			return fmt.Errorf("%s is closed to the users postgres and nobody, and root may not run Postgres: "+
				"open it (chmod o+x) or set DEV_DIR to a directory elsewhere: %w", closed, cause)
		}
	}
	return fmt.Errorf("run postgres from %s in %s: %w", bin, dir, cause)
}

var versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version is the major version of the programs, as this account sees them from inside dir.
func (a account) version(ctx context.Context, bin, dir string) (int, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version") //nolint:gosec // found by us
	cmd.Dir = dir
	cmd.SysProcAttr = a.attributes()
	out := &tail{to: io.Discard}
	cmd.Stdout, cmd.Stderr = out, out
	if err := run(cmd); err != nil {
		return 0, out.explain(err)
	}
	found := versionNumber.FindStringSubmatch(out.String())
	if found == nil {
		return 0, fmt.Errorf("postgres --version says %q", out)
	}
	return strconv.Atoi(found[1])
}

// closedDir is the first directory on the way to a path that its owner keeps to themselves, or empty.
func closedDir(path string) string {
	if parent := filepath.Dir(path); parent != path {
		if closed := closedDir(parent); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() && info.Mode().Perm()&0o001 == 0 {
		return path
	}
	return ""
}

// own gives everything below a directory to the account. Only what differs is touched: after the first start that is
// nothing, until root changes between the two ways of running.
func (a account) own(dir string) error {
	if !a.root {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && int(stat.Uid) == a.uid && int(stat.Gid) == a.gid {
			return nil
		}
		return os.Lchown(path, a.uid, a.gid) //nolint:gosec // a link is not followed, and the folder is ours
	})
	if err != nil {
		return fmt.Errorf("give %s to %s: %w", dir, a.name, err)
	}
	return nil
}
