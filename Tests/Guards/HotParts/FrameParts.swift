internal import EventLogProtocol
internal import EventSourcing

/// What a command costs on the wire to the log and back, and its place in the chain there.
enum FrameParts {
    static let all = [frameRequest, decodeRequest, frameReply, decodeReply, hash]

    private static let frameRequest = HotPart("frame-request") { count in
        let request = LogRequest.append(Samples.append)
        for index in 0..<count { use(request.encoded(number: UInt64(index))) }
    }

    private static let decodeRequest = HotPart("decode-request") { count in
        let frame = LogRequest.append(Samples.append).encoded(number: 1)
        for _ in 0..<count { use(try frame.withUnsafeBytes { try LogRequest.decode($0).0 }) }
    }

    private static let frameReply = HotPart("frame-reply") { count in
        let reply = LogReply.append(.committed(Samples.commit))
        for index in 0..<count { use(reply.encoded(number: UInt64(index), logID: Samples.logID)) }
    }

    private static let decodeReply = HotPart("decode-reply") { count in
        let frame = LogReply.append(.committed(Samples.commit)).encoded(number: 1, logID: Samples.logID)
        for _ in 0..<count { use(try frame.withUnsafeBytes { try LogReply.decode($0).0 }) }
    }

    /// A record's hash, each over the one before.
    private static let hash = HotPart("hash") { count in
        var hash = HashChain.genesis(of: Samples.logID)
        for _ in 0..<count { hash = HashChain.hash(of: Samples.record, after: hash, in: Samples.logID) }
        use(hash)
    }
}
