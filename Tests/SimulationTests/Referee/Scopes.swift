internal import CommandService
internal import EventSourcing

/// What a key is bound in.
struct KeyScope: Hashable {
    let stream: StreamID
    let key: [UInt8]
    let actor: String?
}

/// The commands of a sequence that are decided over a stream.
struct SequenceScope: Hashable {
    let sequence: Int
    let stream: StreamID
}

extension Order {
    /// What its key binds; nil without one.
    var bound: KeyScope? { key.map { KeyScope(stream: stream, key: $0.bytes, actor: sender?.actor) } }
}
