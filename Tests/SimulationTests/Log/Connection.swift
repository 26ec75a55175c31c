internal import EventLogProtocol

/// A request with the number under which its reply comes back.
struct NumberedRequest {
    let number: UInt64
    let request: LogRequest
}

/// A reply with the number of its request.
struct NumberedReply {
    let number: UInt64
    let reply: LogReply
}

/// One connection between a dealer and a router of the log, from its handshake to its loss.
final class Connection {
    let requests: Wire<[NumberedRequest]>
    let replies: Wire<NumberedReply>
    private(set) var isLost = false
    private let whenLost: () -> Void

    init(requests: Wire<[NumberedRequest]>, replies: Wire<NumberedReply>, whenLost: @escaping () -> Void) {
        self.requests = requests
        self.replies = replies
        self.whenLost = whenLost
    }

    /// Loses the connection with what is in flight. What has arrived stays arrived.
    func lose() {
        guard !isLost else { return }
        isLost = true
        requests.cut()
        replies.cut()
        whenLost()
    }
}
