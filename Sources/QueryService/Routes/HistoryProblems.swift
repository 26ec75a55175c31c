internal import EventSourcing
internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What readers of the log's history are told instead of events.
enum HistoryProblems {
    /// 400: the log ends before the position that the reader holds.
    static func beyondHead(_ position: UInt64, head: UInt64) -> Problem {
        Problem(
            .badRequest, "position-beyond-head", title: "Position beyond head",
            detail: "the log ends at position \(head), and position \(position) was asked for; if you have seen that "
                + "position, the log was restored from a backup since: read it again from its beginning",
            members: [.init(name: "head", value: .number(JSONNumber(Int64(clamping: head))))])
    }

    /// 409: the log has another record at the position.
    ///
    /// - Parameter hash: the record's; nil if whoever asks may not see it.
    static func anotherHistory(_ point: HistoryPoint, _ hash: Digest256?) -> Problem {
        Problem(
            .conflict, "another-history", title: "Another history",
            detail:
                "the log's record at position \(point.position) is "
                + (hash.map { "\(HistoryPoint(position: point.position, hash: $0)), " } ?? "")
                + "not \(point): the log was restored from a backup and went on differently; read it again from its "
                + "beginning")
    }

    /// 503: the log has the position, and the query service has not come to it.
    static func notCaughtUp(_ position: UInt64) -> Problem {
        Problem(
            .serviceUnavailable, "not-caught-up", title: "Not caught up",
            detail: "position \(position) is not reached yet; ask again later", headers: [.retryAfter: "1"])
    }

    /// 503: the log went back meanwhile, and what is left of its history is being read.
    static let goneBack = Problem(
        .serviceUnavailable, "not-caught-up", title: "Not caught up",
        detail: "the log was restored from a backup, and is being read again; ask again later",
        headers: [.retryAfter: "1"])
}
