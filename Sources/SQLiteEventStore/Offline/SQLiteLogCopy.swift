public import EventSourcing
internal import GRDB

/// Makes log files out of others: what backup and restore are made of.
public enum SQLiteLogCopy {
    /// Writes a copy of a log to a new file, atomically.
    ///
    /// - Parameters:
    ///   - last: where it is given, everything after this position is left out: events, and the keys and snapshots that
    ///     stand on them. An append must end there.
    ///   - check: looks at the copy before it gets its name; where it throws, there is no copy.
    /// - Throws: ``SQLiteEventStoreError``, and what `check` throws.
    public static func make(
        of source: SQLiteLogFile, at path: String, upTo last: UInt64? = nil, check: (SQLiteLogFile) throws -> Void
    ) throws {
        if let last { try source.requireEndOfAppend(at: last) }
        try make(at: path, check: check) { temporary in
            try source.copy(to: temporary)
            if let last { try cut(temporary, after: last) }
        }
    }

    /// Fills a new file with a log from another place, atomically.
    ///
    /// - Parameters:
    ///   - logID: the log's id.
    ///   - check: looks at the file before it gets its name; if it throws, no file is made.
    ///   - fill: adds all records, keys and snapshots.
    /// - Throws: ``SQLiteEventStoreError``, and what `check` and `fill` throw.
    public static func make(
        of logID: UniqueID, at path: String, check: (SQLiteLogFile) throws -> Void,
        fill: (any LogDestination) throws -> Void
    ) throws {
        try make(at: path, check: check) { temporary in
            try SQLiteLogDestination(path: temporary, for: logID).closing(after: fill)
            try settle(temporary)
        }
    }

    private static func make(
        at path: String, check: (SQLiteLogFile) throws -> Void, write: (_ temporary: String) throws -> Void
    ) throws {
        let path = try DatabasePath.prepare(path)
        guard !DatabasePath.exists(path) else {
            throw SQLiteEventStoreError(.cannotOpen, "\(path) is there already: choose another place, or move it away")
        }
        try SideFiles.requireNone(beside: path)
        let temporary = path + ".partial"
        // Of an attempt that was killed, perhaps.
        func removeTemporary() {
            for suffix in ["", ".lock"] + SideFiles.suffixes { DatabasePath.remove(temporary + suffix) }
        }
        removeTemporary()
        defer { removeTemporary() }
        try write(temporary)
        let copy = try SQLiteLogFile(path: temporary)
        try check(copy)
        try copy.requireWholeAppends()
        try FileFlush.flush(temporary)
        // Somebody may have put them there meanwhile.
        try SideFiles.requireNone(beside: path)
        try FileFlush.rename(temporary, to: path)
    }

    /// Takes a file out of the mode of the write-ahead log, so that it can be read if nothing can be written beside it.
    private static func settle(_ path: String) throws {
        do {
            var configuration = Configuration()
            configuration.prepareDatabase { try Distrust.begin($0) }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
            try queue.close()
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .writeFailed, "cannot bring \(path) to its end")
        }
    }

    private static func cut(_ path: String, after last: UInt64) throws {
        do {
            var configuration = Configuration()
            configuration.prepareDatabase { try Distrust.begin($0) }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
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
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .writeFailed, "cannot cut \(path) after position \(last)")
        }
    }
}
