internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Replies that wait to be sent, by requester, so that each gets its own in as few messages as possible.
struct ReplyBatch {
    /// A message carries at most this many replies, as it may carry at most this many requests.
    static let mostFrames = 64

    private var order: [[UInt8]] = []
    private var frames: [[UInt8]: [[UInt8]]] = [:]

    mutating func add(_ reply: LogReply, to peer: [UInt8], number: UInt64, logID: UniqueID) {
        if frames[peer] == nil { order.append(peer) }
        frames[peer, default: []].append(reply.encoded(number: number, logID: logID))
    }

    /// Sends everything, in the order of the requests of each requester, and waits for nobody.
    ///
    /// - Returns: how many replies could not be sent: their requester is gone, or does not read.
    func send(on socket: Socket) throws(ZeroMQError) -> UInt64 {
        var undeliverable: UInt64 = 0
        for peer in order {
            var rest = frames[peer, default: []][...]
            while !rest.isEmpty {
                let message = rest.prefix(Self.mostFrames)
                rest = rest.dropFirst(message.count)
                if try socket.send([peer] + message) != .sent { undeliverable += UInt64(message.count) }
            }
        }
        return undeliverable
    }
}
