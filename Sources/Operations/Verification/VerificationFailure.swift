public import EventSourcing

/// What is wrong with a log, and where.
public struct VerificationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The first position that is wrong; nil where it is none in particular.
    public let position: UInt64?
    /// The stream concerned.
    public let stream: StreamID?
    /// Why.
    public let reason: String
    /// The streams before it that cannot be read on from some record.
    public internal(set) var unreadable = UnreadableStreams()

    init(position: UInt64? = nil, stream: StreamID? = nil, _ reason: String) {
        self.position = position
        self.stream = stream
        self.reason = reason
    }

    /// One sentence.
    public var description: String {
        var text = ""
        if let position { text += "position \(position)" }
        if let stream { text += text.isEmpty ? "\(stream)" : " (\(stream))" }
        return text.isEmpty ? reason : "\(text): \(reason)"
    }
}
