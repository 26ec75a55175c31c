import EventSourcing
import SQLiteEventStore
import TestSupport
import Testing

extension TemporaryFolder {
    /// The path of a database in the folder.
    var database: String { path + "/daybook.db" }
}

/// An append of events with these data to one stream.
func append(_ data: [String], to stream: String = "acc-001") throws -> AppendRequest {
    let events = data.map {
        NewEvent(id: .version7(at: .now()), type: "MoneyDeposited", schemaVersion: 1, data: Array($0.utf8))
    }
    let stream = try #require(StreamID(category: "account", name: stream))
    return AppendRequest(writes: [StreamWrite(stream: stream, expected: .any, events: events)])
}

/// Makes a log with three events and closes it.
func makeLog(at path: String) throws {
    let store = try SQLiteEventStore(path: path)
    _ = try store.append([append([#"{"amount":"1.00"}"#, #"{"amount":"2.00"}"#, #"{"amount":"3.00"}"#])])
    try store.close()
}

/// Expects that a store at `path` is not opened, for this reason, with these words in its message.
func expectRefused(
    _ path: String, _ code: SQLiteEventStoreError.Code, words: [String],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let error = #expect(throws: SQLiteEventStoreError.self, sourceLocation: sourceLocation) {
        _ = try SQLiteEventStore(path: path)
    }
    #expect(error?.code == code, sourceLocation: sourceLocation)
    for word in words {
        #expect(error?.description.contains(word) == true, "\(word) in \(error as Any)", sourceLocation: sourceLocation)
    }
}
