internal import EventSourcing
internal import Foundation
internal import SQLiteEventStore

/// What an event costs the store, in its file.
enum StoreParts {
    static let all = [storeRow, readRow]

    /// An event in a batch of appends of one event each, their making included.
    private static let storeRow = HotPart("store-row") { count in
        try withStore { store in try fill(store, with: count) }
    }

    /// An event in a page of the log, proved.
    private static let readRow = HotPart("read-row") { count in
        try withStore { store in
            try fill(store, with: pageSize)
            var rest = count
            while rest > 0 {
                let page = try store.readLog(after: 0, limit: ReadLimit(events: min(rest, pageSize)))
                guard !page.isEmpty else { throw WrongResult(part: "read-row") }
                use(page)
                rest -= page.count
            }
        }
    }

    private static let pageSize = 1024
    private static let batchSize = 64
    private static let streams = (0..<1000).map { Samples.stream($0) }

    /// Appends so many deposits, to one account after another.
    private static func fill(_ store: SQLiteEventStore, with count: Int) throws {
        for first in stride(from: 0, to: count, by: batchSize) {
            let batch = (first..<min(first + batchSize, count)).map { index in
                let version = index / streams.count
                let last = version == 0 ? nil : Samples.id(UInt64(index - streams.count))
                return Samples.append(
                    NewEvent(
                        id: Samples.id(UInt64(index)), type: Samples.deposited.type,
                        schemaVersion: Samples.deposited.schemaVersion, data: Samples.deposited.data),
                    to: streams[index % streams.count], after: UInt64(version), lastEvent: last)
            }
            let records = try store.append(batch).records
            guard records.count == batch.count else { throw WrongResult(part: "store-row") }
        }
    }

    /// Makes a store in a folder of its own, and removes both.
    private static func withStore(_ body: (SQLiteEventStore) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hot-parts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let store = try SQLiteEventStore(path: folder.appending(path: "log.db").path(), clock: { Samples.time })
        try body(store)
        try store.close()
        try FileManager.default.removeItem(at: folder)
    }
}
