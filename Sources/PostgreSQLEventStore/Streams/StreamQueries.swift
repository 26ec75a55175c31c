internal import EventSourcing

/// Statements that find streams and go back through them: each sees one state of the log.
///
/// In those of one stream `$1` is the stream, `$2` its hash, see ``IndexSlot`` and ``StreamLinks``, and `$3` the position
/// of ``ReadBound``.
enum StreamQueries {
    /// The generations that there are up to a position, the newest first.
    static func generations(through position: String) -> String {
        "pg_catalog.generate_series(\(position) >> \(IndexSlot.generationBits), 0, -1)"
    }

    /// The end of a stream: the record that a transaction marked as such last, of those up to a position.
    static func end(stream: String, hash: String, through position: String = "$3") -> String {
        """
        SELECT found.position, found.stream_version, found.recorded_at, found.id, found.skip
        FROM \(generations(through: position)) AS generation
        CROSS JOIN LATERAL (
            SELECT r.position, r.stream_version, r.recorded_at, r.id, r.skip FROM daybook.records AS r
            WHERE r.head_slot = ((generation << \(IndexSlot.hashBits)) | \(hash)) AND r.stream = \(stream)
                AND r.position <= \(position)
            ORDER BY r.position DESC LIMIT 1
        ) AS found
        ORDER BY generation DESC LIMIT 1
        """
    }

    private static func skip(of version: String) -> String {
        let stride = StreamLinks.stride
        return """
            CASE WHEN \(version) % \(stride) = 0
                THEN ((\(version) / \(stride)) & (\(version) / \(stride) - 1)) * \(stride)
                ELSE \(version) / \(stride) * \(stride) END
            """
    }

    /// From the end back to a version, which is the last row; `target` is a table of one row, or none.
    private static let down = """
        down AS (
            SELECT head.position, head.stream_version AS version FROM head
            UNION ALL
            SELECT step.position, step.version FROM down
            CROSS JOIN target
            JOIN daybook.records AS r ON r.position = down.position
            CROSS JOIN LATERAL (SELECT \(skip(of: "down.version")) AS version) AS skip
            CROSS JOIN LATERAL (SELECT
                CASE WHEN skip.version >= target.version THEN r.skip ELSE r.previous END AS position,
                CASE WHEN skip.version >= target.version THEN skip.version ELSE down.version - 1 END AS version
            ) AS step
            WHERE down.version > target.version AND step.position < down.position
        )
        """

    private static let size = "pg_catalog.octet_length(r.metadata) + pg_catalog.octet_length(r.data)"

    /// A part of a stream: from the event after version `$4` to version `$5`, of at most `$6` bytes; but one at least.
    static func slice(
        of stream: StreamID, _ hash: Int64, _ bound: ReadBound, after version: UInt64, through last: UInt64, bytes: Int
    ) -> Statement {
        Statement(
            sliceText,
            [
                .text(stream.description), .integer(hash), .ordinal(bound.position), .ordinal(version), .ordinal(last),
                .integer(Int64(bytes)),
            ],
            returning: [.int8, .bytea] + RecordRow.columns)
    }

    private static let sliceText = """
        WITH RECURSIVE head AS MATERIALIZED (\(end(stream: "$1", hash: "$2"))),
        target AS MATERIALIZED (SELECT least(stream_version, $5) AS version FROM head WHERE stream_version > $4),
        \(down),
        back AS (
            SELECT down.position, down.version FROM down JOIN target ON down.version = target.version
            UNION ALL
            SELECT r.previous, back.version - 1 FROM back JOIN daybook.records AS r ON r.position = back.position
            WHERE back.version > $4 + 1 AND r.previous < back.position
        ),
        page AS (
            SELECT r.*, back.version AS expected, before.hash AS hash_before, \(size) AS size,
                sum(\(size)) OVER (ORDER BY back.version ROWS UNBOUNDED PRECEDING) AS running
            FROM back JOIN daybook.records AS r ON r.position = back.position
            LEFT JOIN daybook.records AS before ON before.position = back.position - 1
        )
        SELECT head.stream_version, page.hash_before, \(RecordRow.names(of: "page"))
        FROM head LEFT JOIN page ON page.running <= $6 OR page.running = page.size
        ORDER BY page.expected
        """

    /// The id of a stream's event of version `$4`; no row if there is none.
    static func event(of stream: StreamID, _ hash: Int64, _ bound: ReadBound, at version: UInt64) -> Statement {
        Statement(
            eventText, [.text(stream.description), .integer(hash), .ordinal(bound.position), .ordinal(version)],
            returning: [.uuid])
    }

    private static let eventText = """
        WITH RECURSIVE head AS MATERIALIZED (\(end(stream: "$1", hash: "$2"))),
        target AS MATERIALIZED (SELECT $4::bigint AS version),
        \(down)
        SELECT r.id FROM down JOIN daybook.records AS r ON r.position = down.position
        WHERE down.version = $4 AND r.stream_version = $4 AND r.stream = $1
        """

    /// The version that a stream had at the time `$4`; no row if it was 0.
    static func version(of stream: StreamID, _ hash: Int64, _ bound: ReadBound, at time: Timestamp) -> Statement {
        Statement(
            versionText, [.text(stream.description), .integer(hash), .ordinal(bound.position), .time(time)],
            returning: [.int8])
    }

    private static let versionText = """
        WITH RECURSIVE head AS MATERIALIZED (\(end(stream: "$1", hash: "$2"))),
        down AS (
            SELECT position, stream_version AS version, recorded_at FROM head
            UNION ALL
            SELECT step.position, step.version, step.recorded_at FROM down
            JOIN daybook.records AS r ON r.position = down.position
            CROSS JOIN LATERAL (SELECT \(skip(of: "down.version")) AS version) AS skip
            LEFT JOIN daybook.records AS far ON far.position = r.skip AND skip.version > 0
            LEFT JOIN daybook.records AS near ON near.position = r.previous
            CROSS JOIN LATERAL (SELECT
                CASE WHEN far.recorded_at > $4 THEN r.skip ELSE r.previous END AS position,
                CASE WHEN far.recorded_at > $4 THEN skip.version ELSE down.version - 1 END AS version,
                CASE WHEN far.recorded_at > $4 THEN far.recorded_at ELSE near.recorded_at END AS recorded_at
            ) AS step
            WHERE down.recorded_at > $4 AND down.version > 1 AND step.position < down.position
        )
        SELECT version FROM down WHERE recorded_at <= $4
        """

    /// The ends of streams `$1`, whose hashes are `$2`, up to position `$3`: for each that exists a row with its number,
    /// from 1.
    static func ends(of streams: [StreamID], _ slots: IndexSlot, through position: UInt64) -> Statement {
        var (names, hashes) = (ArrayParameter.texts(), ArrayParameter.integers())
        for stream in streams {
            names.append(stream.description.utf8)
            hashes.append(slots.hash(of: stream))
        }
        return Statement(
            endsText, [.array(names), .array(hashes), .ordinal(position)],
            returning: [.int8, .int8, .int8, .uuid, .int8Array])
    }

    private static let endsText = """
        SELECT asked.number, head.position, head.stream_version, head.id,
            CASE WHEN head.stream_version < \(StreamLinks.stride) THEN '{}'::bigint[] ELSE (
                WITH RECURSIVE chain AS (
                    SELECT CASE WHEN head.stream_version % \(StreamLinks.stride) = 0
                        THEN head.position ELSE head.skip END AS position
                    UNION ALL
                    SELECT r.skip FROM chain JOIN daybook.records AS r ON r.position = chain.position
                    WHERE r.skip > 0 AND r.skip < chain.position
                )
                SELECT pg_catalog.array_agg(position ORDER BY position) FROM chain
            ) END
        FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::bigint[])) WITH ORDINALITY
            AS asked(stream, hash, number)
        CROSS JOIN LATERAL (\(end(stream: "asked.stream", hash: "asked.hash"))) AS head
        """

    /// The end that a row of ``ends(of:_:)`` has.
    static func end(_ row: Row) -> (number: Int, end: StreamEnd)? {
        guard let number = row.ordinal(at: 0), let position = row.ordinal(at: 1), let version = row.ordinal(at: 2),
            let id = row.id(at: 3), let landmarks = row.ordinals(at: 4),
            let end = StreamEnd(version: version, lastEvent: id, position: position, landmarks: landmarks)
        else { return nil }
        return (Int(clamping: number) - 1, end)
    }
}
