internal import EventSourcing
internal import SQLiteEventStore

/// Compares command keys with the events that they speak of.
struct KeyCheck {
    let count: Int
    private var byPosition: [UInt64: [SQLiteLogFile.Key]] = [:]
    private let all: [SQLiteLogFile.Key]

    init(_ keys: [SQLiteLogFile.Key]) {
        count = keys.count
        all = keys
        for key in keys { byPosition[key.outcome.commit.position, default: []].append(key) }
    }

    /// A record stands at its position.
    mutating func pass(_ record: RecordedEvent) throws(VerificationFailure) {
        for key in byPosition[record.position] ?? [] {
            let commit = key.outcome.commit
            guard commit.recordedAt >= record.recordedAt else {
                throw failure(key, record.position, "it was recorded before the record of its position")
            }
            // The last event of an append to one stream, or where nothing was recorded, what stood there already.
            if record.stream == key.scope, commit.streamVersions.first != record.streamVersion {
                throw failure(
                    key, record.position,
                    "it speaks of version \(commit.streamVersions.first ?? 0), the record there is version "
                        + "\(record.streamVersion)")
            }
        }
    }

    /// All records have passed.
    func finish(version: (StreamID) -> UInt64) throws(VerificationFailure) {
        for key in all {
            let commit = key.outcome.commit
            guard let said = commit.streamVersions.first, said <= version(key.scope) else {
                throw failure(
                    key, commit.position,
                    "it speaks of version \(commit.streamVersions.first ?? 0) of its stream, which has "
                        + "\(version(key.scope))")
            }
        }
    }

    private func failure(
        _ key: SQLiteLogFile.Key, _ position: UInt64, _ reason: String
    ) -> VerificationFailure {
        let text = String(decoding: key.key, as: UTF8.self)
        return VerificationFailure(position: position, stream: key.scope, "the command key “\(text)”: \(reason)")
    }
}
