package temporalserver

import (
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// newUI returns Temporal's Web UI for the frontend at the given address. Nothing in it goes to the outside network: the
// news and the look for newer releases are off, and its page loads only what it brings along.
func newUI(host string, port int, frontend string) *uiserver.Server {
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: frontend,
		Host:                bracketed(host),
		Port:                port,
		EnableUI:            true,
		HideLogs:            true,
		DisableNewsFetch:    true,
		NotifyOnNewVersion:  false,
		// Plain HTTP on loopback: some browsers drop a Secure cookie there, and with it every button that changes something.
		CORS: uiconfig.CORS{CookieInsecure: true},
	}))
}
