internal import EventSourcing

/// Follows a log record by record and finds the first that cannot stand where it stands: a position or a version left
/// out or repeated, a time that goes back, a hash that does not follow, an append that is not whole.
struct ChainVerifier {
    private let logID: UniqueID
    private var versions: [StreamID: UInt64] = [:]
    private(set) var position: UInt64 = 0
    private(set) var hash: Digest256
    private(set) var recordedAt = Timestamp(microseconds: 0)
    /// The records so far of an append that goes on in the next one; 0: an append ends here.
    private var recordsOfAppend = 0

    init(logID: UniqueID) {
        self.logID = logID
        hash = HashChain.genesis(of: logID)
    }

    var streams: Int { versions.count }

    /// Whether the append of the last record goes on in the next one.
    var isInsideAppend: Bool { recordsOfAppend > 0 }

    func version(of stream: StreamID) -> UInt64 { versions[stream, default: 0] }

    mutating func take(_ record: RecordedEvent) throws(VerificationFailure) {
        func failure(_ reason: String) -> VerificationFailure {
            VerificationFailure(position: record.position, stream: record.stream, reason)
        }
        guard record.position == position + 1 else {
            throw failure("position \(position + 1) is missing, or stands in another place")
        }
        let version = versions[record.stream, default: 0] + 1
        guard record.streamVersion == version else {
            throw failure("it says that it is version \(record.streamVersion), the stream's next version is \(version)")
        }
        guard record.recordedAt >= recordedAt else { throw failure("it is older than the record before it") }
        guard !isInsideAppend || record.recordedAt == recordedAt else {
            throw failure("it is of another time than the record before it, whose append goes on in it")
        }
        guard recordsOfAppend < AppendRequest.maxEvents else {
            throw failure("its append has more than \(AppendRequest.maxEvents) records")
        }
        guard HashChain.hash(of: record, after: hash, in: logID) == record.hash else {
            throw failure(
                "its hash does not follow from its content and the record before it: one of the two was altered")
        }
        versions[record.stream] = version
        position = record.position
        hash = record.hash
        recordedAt = record.recordedAt
        recordsOfAppend = record.continues ? recordsOfAppend + 1 : 0
    }

    /// The log has ended.
    func finish() throws(VerificationFailure) {
        guard isInsideAppend else { return }
        throw VerificationFailure(
            position: position, "its append goes on in the next record, but the log ends with it: the end was cut off")
    }
}
