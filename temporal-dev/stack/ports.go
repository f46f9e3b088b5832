package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// address is one that will be listened on, and how a person can move it.
type address struct {
	variable string
	value    string // a port on 127.0.0.1 where the variable ends in _PORT, else host:port; port 0: any. Empty: fallback
	fallback string
}

// reserve resolves addresses and finds out whether all of them are free, holding each until the last one is looked at, so
// that two of the same are found as well. The error names every one that is not.
func reserve(ctx context.Context, all []address) (map[string]string, error) {
	resolved := map[string]string{}
	var held []net.Listener
	var faults []error
	for _, a := range all {
		l, err := a.listen(ctx)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		held = append(held, l)
		resolved[a.variable] = a.resolved(l)
	}
	for _, l := range held {
		_ = l.Close() // nothing was accepted on it
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w\nnothing was started: stop what listens there (another make dev?), or set these variables to free ports", errors.Join(faults...))
	}
	return resolved, nil
}

func (a address) listen(ctx context.Context) (net.Listener, error) {
	addr, err := a.parse()
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	var cause syscall.Errno
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken", a.variable, addr)
	case errors.As(err, &cause):
		return nil, fmt.Errorf("%s: %s: %w", a.variable, addr, cause)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", a.variable, err)
	}
	return l, nil
}

// parse is host:port of what was set.
func (a address) parse() (string, error) {
	addr := cmp.Or(a.value, a.fallback)
	if strings.HasSuffix(a.variable, "_PORT") {
		addr = "127.0.0.1:" + addr
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err == nil:
		return addr, nil
	case strings.HasSuffix(a.variable, "_PORT"):
		return "", fmt.Errorf("%s: %q is not a port", a.variable, a.value)
	}
	return "", fmt.Errorf("%s: %q is not host:port", a.variable, a.value)
}

// resolved keeps the host as it was written (localhost stays localhost) with the port that was got.
func (a address) resolved(l net.Listener) string {
	addr, _ := a.parse() // it did not fail before
	host, _, _ := net.SplitHostPort(addr)
	return net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// portOf is the port of a resolved address.
func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return n
}
