package temporalserver

import (
	"log/slog"
	"net"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// clusterName and storeName end up in the database: changing one orphans existing files.
	clusterName = "active"
	storeName   = "sqlite"
)

// The words are the Temporal CLI's; text and pretty are the same here.
var (
	logLevels  = []string{"debug", "info", "warn", "error", "never"}
	logFormats = []string{"pretty", "text", "json"}
)

// discard keeps the SDK's client, which we only use to see whether the server is up, from logging that it is not yet.
var discard = slog.New(slog.DiscardHandler)

// newTemporal puts together a server that is not started.
func newTemporal(
	opts Options, database *config.SQL, dynamic dynamicconfig.Client, logger log.Logger,
) (temporal.Server, error) {
	cfg := newConfig(opts, database)
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(staticHosts(cfg)),
		temporal.WithDynamicConfigClient(dynamic),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
}

// newConfig leaves out what stays off: TLS, metrics, profiling, archival, other clusters.
func newConfig(opts Options, database *config.SQL) *config.Config {
	frontend := address(dialable(opts.IP), opts.Port)
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: database}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             frontend,
				HTTPAddress:            address(dialable(opts.IP), opts.HTTPPort),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): {RPC: config.RPC{BindOnIP: opts.IP, GRPCPort: opts.Port, HTTPPort: opts.HTTPPort}},
			string(primitives.HistoryService):  internalService(),
			string(primitives.MatchingService): internalService(),
			string(primitives.WorkerService):   internalService(),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
}

// internalService listens on loopback, on a port that the kernel will not hand out again before the service has it.
func internalService() config.Service {
	return config.Service{RPC: config.RPC{BindOnIP: loopback, GRPCPort: freeport.MustGetFreePort()}}
}

// staticHosts tells each service where the others are. The frontend may be bound elsewhere, but here it is dialed.
func staticHosts(cfg *config.Config) map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(cfg.Services))
	for name, service := range cfg.Services {
		host := address(dialable(service.RPC.BindOnIP), service.RPC.GRPCPort)
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(host)
	}
	return hosts
}

// newLogger also returns its level, which may be changed at any time.
func newLogger(opts Options) (log.Logger, zap.AtomicLevel) {
	level := zap.NewAtomicLevelAt(zapcore.WarnLevel)
	if opts.LogLevel != "" {
		level.SetLevel(log.ParseZapLevel(opts.LogLevel))
	}
	if opts.LogLevel == "never" || opts.Log == nil {
		return log.NewNoopLogger(), level
	}
	encoder := zapcore.NewConsoleEncoder(log.DefaultZapEncoderConfig)
	if opts.LogFormat == "json" {
		encoder = zapcore.NewJSONEncoder(log.DefaultZapEncoderConfig)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(opts.Log)), level)
	return log.NewZapLogger(zap.New(core)), level
}

// bracketed is ip as it stands before a colon and a port.
func bracketed(ip string) string {
	if parsed := net.ParseIP(ip); parsed != nil && parsed.To4() == nil {
		return "[" + ip + "]"
	}
	return ip
}
