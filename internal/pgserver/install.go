package pgserver

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// install gets Postgres: from Debian where we may, else by a download. Several test processes may come here at once; one
// of them works, and the others find the result.
func install(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	lock, err := await(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", fmt.Errorf("install postgres: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if bin, ok := find(os.Getenv("PATH"), installed); ok {
		return bin, nil
	}
	return fetch(ctx, cache, progress)
}

// fetch tries the package, then the download, and says what a person can do when neither works.
func fetch(ctx context.Context, cache string, progress io.Writer) (string, error) {
	var failed error
	if _, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
		if failed = aptInstall(ctx, progress); failed == nil {
			if bin, ok := find(os.Getenv("PATH"), installed); ok {
				return bin, nil
			}
		}
	}
	bin, err := download(cache, mavenCentral, progress)
	if err != nil {
		return "", fmt.Errorf("no Postgres found: install it with \"apt-get install postgresql\" (Debian, Ubuntu) or "+
			"\"brew install postgresql@17\" (macOS): %w", and(failed, err))
	}
	return bin, nil
}

// cacheDir keeps downloads between runs. Root's own cache is closed to the user that will run the server.
func cacheDir() (string, error) {
	dir := "/var/cache/twigz"
	if os.Geteuid() != 0 {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a place for a download of postgres: %w", err)
		}
		dir = filepath.Join(user, "twigz")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("make a place for a download of postgres: %w", err)
	}
	return dir, nil
}

// noSystemCluster tells Debian's package to make no cluster of its own, which it would start, now and at every boot. The
// file is in a directory meant for such additions and goes away again, so all that the machine keeps is the package.
const noSystemCluster = "/etc/postgresql-common/createcluster.d/twigz.conf"

func aptInstall(ctx context.Context, progress io.Writer) error {
	_, _ = fmt.Fprintln(progress, "installing Debian's postgresql package (only the programs, no system cluster)…")
	if err := os.MkdirAll(filepath.Dir(noSystemCluster), 0o755); err != nil { //nolint:gosec // as Debian has it
		return fmt.Errorf("keep Debian from making a cluster: %w", err)
	}
	if err := os.WriteFile(noSystemCluster, []byte("create_main_cluster = false\n"), 0o644); err != nil { //nolint:gosec // likewise
		return fmt.Errorf("keep Debian from making a cluster: %w", err)
	}
	defer func() { _ = os.Remove(noSystemCluster) }()
	// An update that fails may still leave lists to install from; the installation will tell.
	updateErr := aptGet(ctx, "update")
	if err := aptGet(ctx, "install", "--yes", "--no-install-recommends", "postgresql"); err != nil {
		return and(updateErr, err)
	}
	return nil
}

// aptGet asks no questions and waits for another apt to finish.
func aptGet(ctx context.Context, args ...string) error {
	options := []string{"--quiet", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"}
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...) //nolint:gosec // arguments from above
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	log := &tail{to: io.Discard}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), log.explain(err))
	}
	return nil
}

const mavenCentral = "https://repo1.maven.org/maven2"

// download fetches Postgres's programs from a Maven repository. The library also means to start a server, in ways that suit
// neither root nor us; a superuser name that initdb refuses makes it stop once it has unpacked the programs. What counts
// is whether they are there. They get their final name last: a download cut short is done again.
func download(cache, repository string, progress io.Writer) (string, error) {
	version := embeddedpostgres.V18
	home := filepath.Join(cache, "postgres-"+string(version))
	bin := filepath.Join(home, "bin")
	if executable(filepath.Join(bin, "postgres")) {
		return bin, nil
	}
	_, _ = fmt.Fprintf(progress, "downloading Postgres %s from %s into %s…\n", version, repository, home)
	fresh := home + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return "", fmt.Errorf("clear a half-made download: %w", err)
	}
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).BinaryRepositoryURL(repository).CachePath(cache).BinariesPath(fresh).RuntimePath(filepath.Join(cache, "scratch")).
		Port(0).Username("pg_refused").Logger(io.Discard))
	err := library.Start()
	if err == nil {
		err = library.Stop()
	}
	if !executable(filepath.Join(fresh, "bin", "initdb")) {
		return "", fmt.Errorf("download postgres %s: %w", version, err)
	}
	return bin, os.Rename(fresh, home)
}
