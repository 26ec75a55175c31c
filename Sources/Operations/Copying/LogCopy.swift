public import EventSourcing

/// Brings a log to another place, or continues one that was begun there: the records, byte for byte, with their positions,
/// hashes and times, the command keys with what became of them, and the snapshots.
///
/// Each step is an atomic one, after which the other place holds a log that ends earlier. So a copy that was ended in the middle
/// goes on where it was, and one of a log that is being written is brought up to date by the next.
public struct LogCopy {
    /// A step is written when one of these limits is reached.
    private static let recordsOfAStep = 4000
    private static let keysOfAStep = 4000
    private static let bytesOfAStep = 4 << 20
    private static let snapshotsOfAStep = 200

    private let source: any LogSource
    private let destination: any LogDestination

    /// A copy from one place to another.
    public init(from source: any LogSource, to destination: any LogDestination) {
        self.source = source
        self.destination = destination
    }

    /// Copies everything up to the head as it is at the beginning, or to a position, each record proved.
    ///
    /// - Parameters:
    ///   - last: what comes after this position is left out. An append must end there.
    ///   - progress: is called with how many records the destination holds, and how many there are.
    /// - Returns: where the copy ends.
    /// - Throws: ``CopyFailure`` if the destination does not hold the beginning of the log; ``VerificationFailure`` at the first
    ///   record that is not in order, with those before it copied; what the stores throw.
    public func run(
        upTo last: UInt64? = nil, progress: (_ done: UInt64, _ all: UInt64) -> Void = { _, _ in }
    ) throws -> PinnedHead {
        // Before the keys are: then all keys up to the head are among them.
        let head = try source.head().position
        let end = min(last ?? head, head)
        if let last { try source.requireEndOfAppend(at: last) }
        try requireBeginning(of: end)
        let keys = try source.keys(from: destination.head.position)
        var step = Step(after: destination.head, in: source.logID)
        progress(destination.head.position, end)
        try takeKeys(keys, through: destination.head.position, &step)
        var position = destination.head.position
        while position < end {
            let limit = ReadLimit(
                events: Int(clamping: min(UInt64(Self.recordsOfAStep), end - position)), bytes: Self.bytesOfAStep)
            let records = try source.readLog(after: position, limit: limit)
            guard !records.isEmpty else { throw VerificationFailure(position: position + 1, "it is missing") }
            for record in records {
                try step.take(record)
                position = record.position
                if !record.continues { try takeKeys(keys, through: position, &step) }
            }
            progress(destination.head.position, end)
        }
        guard step.isWhole else { throw VerificationFailure(position: end, "its append does not end") }
        try write(&step)
        progress(destination.head.position, end)
        try source.forEachSnapshot(byPagesOf: Self.snapshotsOfAStep) { try destination.keep($0) }
        return PinnedHead(position: destination.head.position, hash: destination.head.hash)
    }

    /// Requires that what the destination holds is the beginning of the log.
    private func requireBeginning(of end: UInt64) throws {
        let held = destination.head
        guard held.position <= end else {
            throw CopyFailure(
                "\(destination.place) holds the log up to position \(held.position), and \(source.place) is to be copied up "
                    + "to position \(end): it cannot be continued from there")
        }
        guard held.position > 0 else { return }
        let record = try source.readLog(after: held.position - 1, limit: ReadLimit(events: 1)).first
        guard record?.hash == held.hash else {
            throw CopyFailure(
                "\(destination.place) has another record at position \(held.position) than \(source.place): each went on "
                    + "differently; copy to another place")
        }
    }

    /// Takes the keys that were decided at an append's end, and what came together, if it is enough.
    private func takeKeys(_ keys: RecordedKeys, through position: UInt64, _ step: inout Step) throws {
        while let key = try keys.next(through: position) {
            try step.take(key)
            if step.isFull { try write(&step) }
        }
        if step.isFull { try write(&step) }
    }

    private func write(_ step: inout Step) throws {
        guard !step.isEmpty else { return }
        try destination.append(step.records, step.keys)
        step.clear()
    }
}

extension LogCopy {
    /// What is written at once: whole appends with what was decided under keys at their ends.
    private struct Step {
        private(set) var records: [RecordedEvent] = []
        private(set) var keys: [RecordedKey] = []
        private var bytes = 0
        private var head: LogHead
        private let logID: UniqueID

        init(after head: LogHead, in logID: UniqueID) {
            self.head = head
            self.logID = logID
        }

        var isEmpty: Bool { records.isEmpty && keys.isEmpty }
        var isFull: Bool {
            records.count >= recordsOfAStep || keys.count >= keysOfAStep || bytes >= bytesOfAStep
        }
        /// Whether it ends with an append.
        var isWhole: Bool { records.last?.continues != true }

        mutating func clear() {
            records.removeAll(keepingCapacity: true)
            keys.removeAll(keepingCapacity: true)
            bytes = 0
        }

        /// Takes the record that follows.
        mutating func take(_ record: RecordedEvent) throws(VerificationFailure) {
            func failure(_ reason: String) -> VerificationFailure {
                VerificationFailure(position: record.position, stream: record.stream, reason)
            }
            guard record.position == head.position + 1 else { throw failure("it stands where another should") }
            guard record.recordedAt >= head.recordedAt else { throw failure("it is older than the record before it") }
            guard HashChain.hash(of: record, after: head.hash, in: logID) == record.hash else {
                throw failure(
                    "its hash does not follow from its content and the record before it: one of the two was altered")
            }
            // Nobody could have appended more, and it must be held until it is whole.
            guard records.count < recordsOfAStep + AppendRequest.maxEvents else {
                throw failure("its append has more than \(AppendRequest.maxEvents) records")
            }
            records.append(record)
            bytes += record.event.data.count + record.event.metadata.count
            head = LogHead(position: record.position, hash: record.hash, recordedAt: record.recordedAt)
        }

        mutating func take(_ key: RecordedKey) throws(VerificationFailure) {
            guard 1...CommandKey.longestKey ~= key.key.count,
                key.outcome.outcome.count <= CommandKey.longestOutcome
            else {
                throw VerificationFailure(
                    position: key.position, stream: key.scope, "a command key or its outcome is longer than can be")
            }
            keys.append(key)
            bytes += key.outcome.outcome.count
        }
    }
}
