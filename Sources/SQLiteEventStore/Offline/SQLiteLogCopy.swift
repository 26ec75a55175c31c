internal import EventSourcing
internal import GRDB

/// Makes log files out of others: what backup and restore are made of.
public enum SQLiteLogCopy {
    /// Puts a copy of a log where there is no file yet, whole or not at all.
    ///
    /// - Parameters:
    ///   - last: where it is given, everything after this position is left out: events, and the keys and snapshots that
    ///     stand on them.
    ///   - check: looks at the copy before it gets its name; where it throws, there is no copy.
    /// - Throws: ``SQLiteEventStoreError``, and what `check` throws.
    public static func make(
        of source: SQLiteLogFile, at path: String, upTo last: UInt64? = nil, check: (SQLiteLogFile) throws -> Void
    ) throws {
        let path = try DatabasePath.prepare(path)
        guard !DatabasePath.exists(path) else {
            throw SQLiteEventStoreError(.cannotOpen, "\(path) is there already: choose another place, or move it away")
        }
        let temporary = path + ".partial"
        DatabasePath.remove(temporary)
        defer { for suffix in ["", "-wal", "-shm", "-journal"] { DatabasePath.remove(temporary + suffix) } }
        try source.copy(to: temporary)
        if let last { try cut(temporary, after: last) }
        try check(SQLiteLogFile(path: temporary))
        try FileFlush.flush(temporary)
        try FileFlush.rename(temporary, to: path)
    }

    private static func cut(_ path: String, after last: UInt64) throws {
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.writeWithoutTransaction { _ = try Schema.open($0, path: path, at: .now()) }
            try queue.write { database in
                let last = Int64(clamping: last)
                try database.execute(sql: "DELETE FROM events WHERE position > ?", arguments: [last])
                try database.execute(sql: "DELETE FROM command_keys WHERE position > ?", arguments: [last])
                try StreamIndex.rebuild(database)
                try Snapshots.dropForeign(database)
            }
            try queue.close()
        } catch {
            throw SQLiteEventStoreError.wrapping(error, .writeFailed, "cannot cut \(path) after position \(last)")
        }
    }
}
