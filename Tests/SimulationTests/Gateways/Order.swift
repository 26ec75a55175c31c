internal import EventSourcing

/// A command with all that its client said about it.
struct Order {
    struct Key: Hashable {
        let bytes: [UInt8]
        /// Of the command without the number of the attempt.
        let fingerprint: Digest256
    }

    let stream: StreamID
    let command: Counter.Command
    /// The version at which alone it may be obeyed.
    let condition: UInt64?
    let key: Key?

    var attempt: Int { command.attempt }

    func isAllowed(at version: UInt64) -> Bool { condition == nil || condition == version }
}

extension Order: CustomStringConvertible {
    var description: String {
        let version = condition.map { " at version \($0)" } ?? ""
        let name = key.map { " under key \(String(decoding: $0.bytes, as: UTF8.self))" } ?? ""
        return "attempt \(attempt): \(stream.name) \(command.by)×\(command.parts)\(version)\(name)"
    }
}
