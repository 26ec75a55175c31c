internal import EventLogProtocol
internal import EventSourcing

/// Who sent a request, and under which number.
struct RequestSender: Sendable {
    let peer: [UInt8]
    let number: UInt64
}

/// What was received in one go from the append socket, and is to be written together.
struct AppendBatch {
    private static let maxRequests = 1024
    private static let maxBytes = PeerLimits.maxAppendBytes
    /// Whatever they are, so that nonsense keeps nobody waiting.
    private static let maxFrames = 4096

    private(set) var requests: [AppendRequest] = []
    /// Who sent each request.
    private(set) var senders: [RequestSender] = []
    private(set) var snapshots: [SnapshotOrder] = []
    /// Bytes of frames received, requests or not.
    var bytes = 0
    /// Frames received, requests or not.
    var frames = 0

    /// Whether no more is to be received for it.
    var isFull: Bool {
        requests.count + snapshots.count >= Self.maxRequests || bytes >= Self.maxBytes || frames >= Self.maxFrames
    }

    /// Takes a request in.
    ///
    /// - Returns: false if it is none that writes.
    mutating func add(_ request: LogRequest, from sender: RequestSender) -> Bool {
        switch request {
        case .append(let append):
            requests.append(append)
            senders.append(sender)
        case .keepSnapshot(let snapshot):
            snapshots.append(SnapshotOrder(.keep(snapshot), sender))
        case .dropSnapshot(let stream, let fingerprint, let version):
            snapshots.append(SnapshotOrder(.drop(stream, fingerprint: fingerprint, version: version), sender))
        case .readLog, .readStream, .status, .outcome, .loadStream, .streamVersion:
            return false
        }
        return true
    }
}

extension AppendResult {
    /// Whether an answer holds whoever leads the log by now: the request was recorded, or could not be by any log. All
    /// others say that nothing newer exists.
    func isCertain(of request: AppendRequest) -> Bool {
        switch self {
        case .committed: !request.isCheck
        case .invalid: true
        case .replayed, .keyReused, .conflict: false
        }
    }
}
