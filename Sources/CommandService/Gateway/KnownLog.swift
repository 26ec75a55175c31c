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

    /// The header fields of an answer that reflects a position of the log, which has just told it: the position in any case,
    /// and the log's id, unless the log does not answer any more.
    func fields(at position: UInt64) async -> HTTPFields {
        var fields: HTTPFields = [.daybookPosition: String(position)]
        fields[.daybookLogID] = await id()
        return fields
    }

    /// The header fields of an answer after the log failed to answer. It is not asked for its id, since the client would wait
    /// twice as long; there are none if the id is not known.
    func fieldsWithoutAsking(at position: UInt64) -> HTTPFields {
        guard let id = knownID.withLock(\.self) else { return [:] }
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
