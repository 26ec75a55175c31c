public import EventLogProtocol
public import JSON

/// Which service leads the log, as a peer knows it, for `/readyz`.
public struct LogLeader: Hashable, Sendable {
    /// The read socket of the service that leads; nil while none is connected.
    public let endpoint: String?
    /// Which lead it is; 0: the log counts none, or has not reported it yet.
    public let epoch: UInt64

    /// What a client knows of it.
    public init(_ client: EventLogClient) async {
        endpoint = await client.leader
        epoch = await client.epoch
    }

    /// The members for ``Readiness/details``: `log_leader`, `log_epoch`; each only if it is known.
    public var details: [JSONValue.Member] {
        var details: [JSONValue.Member] = []
        if let endpoint { details.append(.init(name: "log_leader", value: .string(endpoint))) }
        if epoch > 0 { details.append(.init(name: "log_epoch", value: .number(JSONNumber(Int64(clamping: epoch))))) }
        return details
    }
}
