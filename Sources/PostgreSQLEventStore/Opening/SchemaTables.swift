/// The tables of a log, version by version.
enum SchemaTables {
    /// The statements that lead from each version to the next; the first makes a new log.
    static let migrations: [[String]] = [
        [log, writer, records, heads, keys, refusals, refusalKeys, snapshots]
            + [advance, events, commandKeys]
    ]

    private static let log = """
        CREATE TABLE daybook.log (
            only_row integer PRIMARY KEY CHECK (only_row = 1),
            schema_version integer NOT NULL,
            id uuid NOT NULL,
            salt bytea NOT NULL,
            created_at timestamptz NOT NULL
        )
        """

    /// Who appends, and where the log ends: every transaction that writes changes this row, and only as it knows it.
    ///
    /// `leader` and `led_since` are for people. `server_run` is the run of the server on which the leader holds the advisory
    /// lock; empty if it does without. The fill factor has changes of the row stay in its page.
    private static let writer = """
        CREATE TABLE daybook.writer (
            only_row integer PRIMARY KEY CHECK (only_row = 1),
            epoch bigint NOT NULL,
            owner uuid NOT NULL,
            position bigint NOT NULL,
            changes bigint NOT NULL,
            renewed_at timestamptz NOT NULL,
            released boolean NOT NULL,
            server_run text NOT NULL,
            leader text NOT NULL,
            led_since timestamptz NOT NULL
        ) WITH (fillfactor = 10)
        """

    /// The events. `data` and `metadata` are the very bytes that were appended: the hash is over them.
    ///
    /// `previous` and `skip` are the way back through a stream: see ``StreamLinks``. `head_slot` is set in the last record
    /// of each stream that a transaction appended to, and `key_slot` with the four columns after it in the last record of
    /// an append under a command key: see ``IndexSlot``. `streams` and `stream_versions` are NULL if the record's own
    /// stream was the only one of its append.
    private static let records = """
        CREATE TABLE daybook.records (
            position bigint PRIMARY KEY,
            stream_version bigint NOT NULL,
            recorded_at timestamptz NOT NULL,
            previous bigint NOT NULL,
            skip bigint NOT NULL,
            head_slot bigint,
            key_slot bigint,
            schema_version integer NOT NULL,
            id uuid NOT NULL,
            continues boolean NOT NULL,
            hash bytea NOT NULL,
            stream text NOT NULL,
            type text NOT NULL,
            metadata bytea NOT NULL,
            data bytea NOT NULL,
            command_key bytea,
            fingerprint bytea,
            outcome bytea,
            streams text,
            stream_versions text
        )
        """

    private static let heads = """
        CREATE INDEX records_head ON daybook.records (head_slot, position) WHERE head_slot IS NOT NULL
        """
    private static let keys = """
        CREATE INDEX records_key ON daybook.records (key_slot) WHERE key_slot IS NOT NULL
        """

    /// What was decided under a command key without events. `change` is the number of its transaction, see `writer`.
    private static let refusals = """
        CREATE TABLE daybook.refusals (
            key_slot bigint NOT NULL,
            position bigint NOT NULL,
            change bigint NOT NULL,
            recorded_at timestamptz NOT NULL,
            stream text NOT NULL,
            command_key bytea NOT NULL,
            fingerprint bytea NOT NULL,
            outcome bytea NOT NULL,
            streams text,
            stream_versions text NOT NULL
        )
        """
    private static let refusalKeys = "CREATE INDEX refusals_key ON daybook.refusals (key_slot)"

    private static let snapshots = """
        CREATE TABLE daybook.snapshots (
            stream text NOT NULL,
            version bigint NOT NULL,
            fingerprint bytea NOT NULL,
            last_event uuid NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (stream, fingerprint, version)
        )
        """

    /// The fence: the transaction goes on only if the writer's row is as the caller knows it: epoch, changes, position.
    private static let advance = """
        CREATE FUNCTION daybook.advance(bigint, bigint, bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE daybook.writer AS w
            SET position = $4, changes = w.changes + 1, renewed_at = pg_catalog.clock_timestamp()
            WHERE w.epoch = $1 AND w.changes = $2 AND w.position = $3;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'another program appends to this log' USING ERRCODE = 'DB001';
            END IF;
            RETURN $2 + 1;
        END $$
        """

    /// For people. `json` and not `jsonb`, which refuses numbers such as `1e400000`: one of them would hide all other events
    /// of a query. So would the escape of the character 0, which PostgreSQL's texts cannot have: U+FFFD is shown in its place.
    private static let events = """
        CREATE VIEW daybook.events AS SELECT
            position, stream, stream_version AS version, type, schema_version, recorded_at, id,
            \(json("data")) AS data,
            CASE WHEN pg_catalog.octet_length(metadata) > 0 THEN \(json("metadata")) END AS metadata,
            continues, hash
        FROM daybook.records
        """

    private static func json(_ column: String) -> String {
        let text = "pg_catalog.convert_from(\(column), 'UTF8')"
        return #"""
            CASE WHEN pg_catalog.strpos(\#(text), '\u0000') = 0 THEN \#(text)
                ELSE pg_catalog.regexp_replace(\#(text), '(?<!\\)((?:\\\\)*)\\u0000', '\1\ufffd', 'g') END::json
            """#
    }

    /// For people: what was decided under command keys.
    private static let commandKeys = """
        CREATE VIEW daybook.command_keys AS
        SELECT coalesce(streams::json ->> 0, stream) AS stream, command_key, fingerprint, outcome, position, recorded_at
        FROM daybook.records WHERE command_key IS NOT NULL
        UNION ALL
        SELECT stream, command_key, fingerprint, outcome, position, recorded_at FROM daybook.refusals
        """
}
