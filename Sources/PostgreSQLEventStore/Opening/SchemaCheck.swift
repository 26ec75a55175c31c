internal import EventStoreRules

/// Compares what stands in the schema `daybook` with what Daybook makes.
///
/// A trigger, a rule, a policy, a default or a generated column would run, or hide, whatever its author likes with the log's own
/// reads and writes; an index or a column of somebody's own is refused with the rest. Of the views, which only people read, just
/// the names are compared.
enum SchemaCheck {
    /// - Throws: `alteredSchema`, with what is not as Daybook made it; ``ConnectionFailure``.
    static func run(
        _ connection: Connection, version: Int, _ string: ConnectionString, within limit: Duration
    ) throws {
        var missing = SchemaModel.entries(ofVersion: version)
        let rows = try connection.run(Statement(text, returning: [.text, .text, .text]), within: limit)
        for index in 0..<rows.count {
            let row = rows[index]
            let entry = SchemaModel.Entry(
                kind: row.text(at: 0) ?? "", name: row.text(at: 1) ?? "", definition: row.text(at: 2) ?? "")
            if missing.remove(entry) != nil { continue }
            let isAltered = missing.contains { $0.kind == entry.kind && $0.name == entry.name }
            throw PostgreSQLEventStoreError(
                .alteredSchema,
                isAltered
                    ? "the \(entry.kind) \(entry.name.printable) of the schema daybook of \(string.place) is not as Daybook "
                        + "made it: restore a backup"
                    : "the schema daybook of \(string.place) has the \(entry.kind) “\(entry.name.printable)”, which Daybook "
                        + "did not make: drop it if it is yours, or restore a backup")
        }
        if let entry = missing.min(by: { ($0.kind, $0.name) < ($1.kind, $1.name) }) {
            throw PostgreSQLEventStoreError(
                .alteredSchema,
                "the schema daybook of \(string.place) lacks the \(entry.kind) \(entry.name): restore a backup")
        }
    }

    /// The entries that there are, in the form of ``SchemaModel``: what nobody but Daybook makes first, so that a column which
    /// was added together with a trigger does not hide it.
    private static let text = """
        WITH relation AS (
            SELECT c.oid, c.relname::text AS name, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
                c.relispartition
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'daybook'
        )
        SELECT kind, name, definition FROM (
            SELECT 1 AS place, 'trigger' AS kind, relation.name || '.' || t.tgname AS name, '' AS definition
            FROM relation JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = relation.oid WHERE NOT t.tgisinternal
            UNION ALL
            SELECT 1, 'rule', relation.name || '.' || w.rulename, ''
            FROM relation JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = relation.oid
            WHERE relation.relkind <> 'v' OR w.rulename <> '_RETURN'
            UNION ALL
            SELECT 1, 'policy', relation.name || '.' || p.polname, ''
            FROM relation JOIN pg_catalog.pg_policy AS p ON p.polrelid = relation.oid
            UNION ALL
            SELECT 1, 'child table', relation.name || '.' || child.relname, ''
            FROM relation JOIN pg_catalog.pg_inherits AS i ON relation.oid = i.inhparent
            JOIN pg_catalog.pg_class AS child ON child.oid = i.inhrelid WHERE relation.relkind NOT IN ('i', 'I')
            UNION ALL
            SELECT 2, CASE relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                    WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'relation' END, name,
                CASE WHEN relkind <> 'r' THEN '' ELSE relpersistence::text
                    || CASE WHEN relrowsecurity OR relforcerowsecurity THEN ' row security' ELSE '' END
                    || CASE WHEN relispartition THEN ' partition' ELSE '' END END
            FROM relation WHERE relkind NOT IN ('i', 'I')
            UNION ALL
            SELECT 3, 'function', p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
                l.lanname || CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END
                    || coalesce(p.proconfig::text, '') || p.prosrc
            FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang WHERE n.nspname = 'daybook'
            UNION ALL
            SELECT 3, 'column', relation.name || '.' || a.attname,
                (row_number() OVER (PARTITION BY relation.oid ORDER BY a.attnum))::text || ' '
                    || pg_catalog.format_type(a.atttypid, a.atttypmod)
                    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
                    || CASE WHEN a.attgenerated <> '' THEN ' GENERATED' WHEN a.attidentity <> '' THEN ' IDENTITY'
                        WHEN a.atthasdef THEN ' DEFAULT' ELSE '' END
            FROM relation JOIN pg_catalog.pg_attribute AS a ON a.attrelid = relation.oid
            WHERE relation.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT 3, 'constraint', relation.name || '.' || k.conname,
                k.contype::text || ' (' || coalesce((
                    SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY key.number)
                    FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS key(attnum, number)
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = key.attnum), '') || ') '
                    || coalesce(pg_catalog.pg_get_expr(k.conbin, k.conrelid), '')
            FROM relation JOIN pg_catalog.pg_constraint AS k ON k.conrelid = relation.oid
            -- Of its own kind from PostgreSQL 18 on: the columns say it.
            WHERE k.contype <> 'n'
            UNION ALL
            SELECT 3, 'index', c.relname::text, relation.name || ' (' || coalesce((
                    SELECT pg_catalog.string_agg(coalesce(a.attname, '?'), ', ' ORDER BY key.number)
                    FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS key(attnum, number)
                    LEFT JOIN pg_catalog.pg_attribute AS a
                        ON a.attrelid = i.indrelid AND a.attnum = key.attnum AND key.attnum > 0), '') || ')'
                    || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
                    || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' invalid' END
                    || CASE WHEN m.amname = 'btree' THEN '' ELSE ' ' || m.amname END
                    || coalesce(' ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')
            FROM relation JOIN pg_catalog.pg_index AS i ON i.indrelid = relation.oid
            JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
            UNION ALL
            SELECT 3, 'type', t.typname::text, ''
            FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
            -- Beside those of the tables and views themselves, and of arrays of them.
            WHERE n.nspname = 'daybook' AND t.typrelid = 0 AND t.typelem = 0
        ) AS entry
        ORDER BY place, kind, name
        """
}
