internal import Access
internal import CommandService
internal import EventSourcing

/// A command with all that its client said about it.
struct Order<State: Aggregate> {
    struct Key: Hashable {
        let bytes: [UInt8]
        /// Of the command.
        let fingerprint: Digest256
    }

    /// Its place among commands that were sent together and must be executed in their order.
    struct Place: Hashable {
        let sequence: Int
        let index: Int
    }

    /// Counts all orders of a simulation; it stands in the metadata of the events.
    let attempt: Int
    let stream: StreamID
    let command: State.Command
    /// The version at which alone it may be executed.
    let condition: UInt64?
    let key: Key?
    /// Who sends it; nil: nobody knows.
    let sender: CommandSender?
    let place: Place?

    func isAllowed(at version: UInt64) -> Bool { condition == nil || condition == version }

    /// The metadata of its events; no actor's name has digits.
    var metadata: [UInt8] {
        let actor = sender?.actor.map { "\"actor\":\"\($0)\"," } ?? ""
        return Array("{\(actor)\"correlation_id\":\"\(attempt)\"}".utf8)
    }

    /// The order that an event's metadata are of; nil if it is of none.
    static func attempt(in metadata: [UInt8]) -> Int? {
        let digits = metadata.lazy.filter { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return digits.isEmpty ? nil : digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }
    }

    /// The order as a gateway takes it.
    func command<Domain: SimulatedDomain>(of domain: Domain.Type) -> CommandOrder<State> where Domain.State == State {
        var demanded = CommandCondition()
        demanded.versions = condition.map { [$0] }
        return CommandOrder(
            command, on: stream, condition: demanded,
            key: key.map { IdempotencyKey(bytes: $0.bytes, fingerprint: $0.fingerprint) }, sender: sender,
            metadata: metadata, isInSequence: place != nil
        ) { [hasKey = key != nil] refusal in
            hasKey ? Domain.record(of: refusal).map { .refused(status: 400, body: $0) } : nil
        }
    }
}

extension Order: CustomStringConvertible {
    var description: String {
        let version = condition.map { " at version \($0)" } ?? ""
        let name = key.map { " under key \(String(decoding: $0.bytes, as: UTF8.self))" } ?? ""
        let place = place.map { ", \($0.index) of sequence \($0.sequence)" } ?? ""
        let sender = sender.map { " by \($0.actor ?? "nobody"), who sees \($0.reach?.description ?? "nothing")" } ?? ""
        return "attempt \(attempt): \(stream.name) \(command)\(version)\(name)\(place)\(sender)"
    }
}
