internal import EventLogProtocol
internal import EventSourcing
internal import Foundation
internal import SQLiteEventStore

/// What an event costs the store, in its file.
enum StoreParts {
    static let all = [storeRow, readRow, takeRow]

    /// An event in a batch of appends of one event each, their making included.
    private static let storeRow = HotPart("store-row") { count in
        try withStore { store in try fill(store, with: count) }
    }

    /// An event in a page of the log, proved and framed.
    private static let readRow = HotPart("read-row") { count in
        try withStore { store in
            try fill(store, with: pageSize)
            var rest = count
            while rest > 0 {
                let frame = try page(of: store, limit: min(rest, pageSize))
                guard frame.count > 96 * min(rest, pageSize) else { throw WrongResult(part: "read-row") }
                use(frame)
                rest -= min(rest, pageSize)
            }
        }
    }

    /// An event of such a page, as its reader takes it. In whole pages.
    private static let takeRow = HotPart("take-row") { count in
        try withStore { store in
            try fill(store, with: pageSize)
            let frame = try page(of: store, limit: pageSize)
            for _ in 0..<(count / pageSize) {
                guard case .log(let page) = try frame.withUnsafeBytes({ try LogReply.decode($0).0 }),
                    page.records.count == pageSize
                else { throw WrongResult(part: "take-row") }
                use(page)
            }
        }
    }

    private static func page(of store: SQLiteEventStore, limit: Int) throws -> [UInt8] {
        var page = LogPageWriter(number: 1, status: LogStatus(logID: store.logID, head: try store.head()))
        try store.readLog(after: 0, limit: ReadLimit(events: limit)) { page.add($0) }
        return page.frame()
    }

    private static let pageSize = 512
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
