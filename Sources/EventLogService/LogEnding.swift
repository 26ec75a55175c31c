internal import EventLogProtocol
internal import EventSourcing

/// Why a log ended by itself.
enum LogEnding: Error, Sendable, CustomStringConvertible {
    /// Another program leads the log: this one may stand by.
    case leadLost(LeadLost)
    /// The store or a socket failed.
    case failed(ServiceError)

    init(_ error: any Error) {
        if let lost = error as? LeadLost {
            self = .leadLost(lost)
        } else {
            self = .failed(ServiceError("the event log stops: \(error)"))
        }
    }

    var description: String {
        switch self {
        case .leadLost(let lost): lost.description
        case .failed(let error): error.description
        }
    }
}

extension LogRefusal {
    /// What stands on the state of the log, and cannot be confirmed now: another log may lead, which can.
    static let uncertain = LogRefusal(.notLeader, "the log is not certain that it leads; ask again later")
    /// The answer of a log that has lost the lead.
    static let notLeader = LogRefusal(.notLeader, "another log leads now")
}
