package temporalserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// retention is how long closed workflows of the namespaces we create can be looked at.
const retention = 30 * 24 * time.Hour

// openDatabase returns the settings of a database that has the schema, the namespaces and the search attributes, whether it
// was there before or not.
//
// It writes rows before the server runs, where the server's API could do the same later, so that there is no time in which
// a client is answered and its namespace or search attribute is not known yet (the API's changes take effect within the 2 s
// in which the server reads its namespaces anew).
func openDatabase(ctx context.Context, opts Options) (*config.SQL, error) {
	cfg := memoryDatabase()
	if opts.DatabaseFile != "" {
		cfg = fileDatabase(opts.DatabaseFile)
		if err := createSchema(cfg); err != nil {
			return nil, fmt.Errorf("database file %s: %w", opts.DatabaseFile, err)
		}
	}
	for _, name := range opts.Namespaces {
		if err := ensureNamespace(ctx, cfg, name, opts.SearchAttributes); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	return cfg, nil
}

// memoryDatabase has a random name, because in-memory databases are shared by name within a process.
func memoryDatabase() *config.SQL {
	return &config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      rand.Text(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// fileDatabase uses a write-ahead log that is not flushed at each commit: commits survive the process being killed at any
// point, and the database stays sound in a power failure, which may cost its last moments.
func fileDatabase(file string) *config.SQL {
	return &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: file,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
		},
	}
}

// createSchema gives a new file its tables, all or none, so that a start that was killed half-way leaves nothing behind
// that a later one would take for a database.
func createSchema(cfg *config.SQL) (err error) {
	if _, err := os.Stat(filepath.Dir(cfg.DatabaseName)); err != nil {
		return err // SQLite would call it "out of memory"
	}
	db, err := sql.NewSQLAdminDB(
		sqlplugin.DbKindUnknown, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	tables, err := db.ListTables(cfg.DatabaseName)
	if err != nil || len(tables) > 0 {
		return err
	}
	// Plain statements make a transaction here because the pool has exactly one connection.
	if err := db.Exec("BEGIN"); err != nil {
		return err
	}
	if err := sqlite.SetupSchemaOnDB(db); err != nil {
		return errors.Join(err, db.Exec("ROLLBACK"))
	}
	return db.Exec("COMMIT")
}

// ensureNamespace creates the namespace unless it exists, and adds the search attributes that it lacks.
func ensureNamespace(
	ctx context.Context, cfg *config.SQL, name string, attributes map[string]enumspb.IndexedValueType,
) (err error) {
	namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, nil)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := sqlite.CreateNamespaces(cfg, namespace); err != nil {
		return err
	}
	db, err := sql.NewSQLDB(
		sqlplugin.DbKindMain, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return addSearchAttributes(ctx, db, name, attributes)
}

// addSearchAttributes writes the namespace's aliases, which is all that a search attribute is on SQL: a name for one of the
// visibility table's columns.
func addSearchAttributes(
	ctx context.Context, db sqlplugin.DB, namespace string, attributes map[string]enumspb.IndexedValueType,
) error {
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &namespace})
	if err != nil {
		return err
	}
	row, serializer := rows[0], serialization.NewSerializer()
	detail, err := serializer.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return err
	}
	aliases, err := assignColumns(detail.Config.CustomSearchAttributeAliases, attributes)
	if err != nil {
		return err
	}
	detail.Config.CustomSearchAttributeAliases = aliases
	blob, err := serializer.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.Data, blob.EncodingType.String()
	_, err = db.UpdateNamespace(ctx, &row)
	return err
}

// assignColumns returns aliases (column → name) with a free column of the right type for each attribute that has none.
func assignColumns(
	aliases map[string]string, attributes map[string]enumspb.IndexedValueType,
) (map[string]string, error) {
	columns := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	columnOf := make(map[string]string, len(aliases))
	for column, name := range aliases {
		columnOf[name] = column
	}
	result := make(map[string]string, len(aliases)+len(attributes))
	maps.Copy(result, aliases)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		kind := attributes[name]
		column, known := columnOf[name]
		switch {
		case sadefs.IsReserved(name):
			return nil, fmt.Errorf("search attribute %s: the name is reserved", name)
		case known && columns[column] != kind:
			return nil, fmt.Errorf("search attribute %s: is a %s already, cannot become a %s", name, columns[column], kind)
		case known:
			continue
		}
		if column = freeColumn(columns, result, kind); column == "" {
			return nil, fmt.Errorf("search attribute %s: no room for another %s", name, kind)
		}
		result[column] = name
	}
	return result, nil
}

// freeColumn returns "" when every column of that type has an alias.
func freeColumn(
	columns map[string]enumspb.IndexedValueType, aliases map[string]string, kind enumspb.IndexedValueType,
) string {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, taken := aliases[column]; !taken && columns[column] == kind {
			return column
		}
	}
	return ""
}
