internal import EventLogProtocol
internal import EventSourcing
internal import HTTPTypes
internal import QueryForwarding
internal import ServiceSupport
internal import Synchronization

/// The log as the gateway's answers tell of it: `Daybook-Log-Id`, and `Daybook-Position`.
final class KnownLog: Sendable {
    private let client: EventLogClient
    private let horizon: PositionHorizon
    private let knownID = Mutex<String?>(nil)
    let warnings = LogWarnings()

    init(client: EventLogClient, horizon: PositionHorizon) {
        self.client = client
        self.horizon = horizon
    }

    /// The highest position that this gateway has told of.
    var position: UInt64 { horizon.position }

    /// The log has told its id.
    func learn(_ id: UniqueID) {
        let text = id.description
        knownID.withLock { if $0 != text { $0 = text } }
    }

    /// The log's id. Right after a start it may have to be asked for; nil if the log does not answer.
    func id() async -> String? {
        if let id = knownID.withLock(\.self) { return id }
        do throws(EventLogError) {
            learn(try await client.status().logID)
        } catch {
            return nil
        }
        return knownID.withLock(\.self)
    }

    /// The header fields of an answer that reflects a position; none if the log's id is not known.
    ///
    /// - Parameter asking: whether the log is asked for its id, if that is not known. Not if it has just failed to answer:
    ///   that would let the client wait twice as long.
    func fields(at position: UInt64, asking: Bool = true) async -> HTTPFields {
        guard let id = asking ? await id() : knownID.withLock(\.self) else { return [:] }
        return [.daybookPosition: String(position), .daybookLogID: id]
    }

    /// What an answer can tell that reflects nothing of the log, as far as it is known without asking.
    var knownFields: HTTPFields {
        guard let id = knownID.withLock(\.self) else { return [:] }
        // A log that went back has a head that is not known yet.
        guard let position = horizon.required else { return [.daybookLogID: id] }
        return [.daybookPosition: String(position), .daybookLogID: id]
    }
}
