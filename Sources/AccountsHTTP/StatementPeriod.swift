internal import Accounts
internal import EventSourcing
internal import ServiceSupport

/// The time that a statement is about: from its beginning, inclusive, to its end, exclusive.
struct StatementPeriod: Hashable, Sendable {
    private let askedFrom: Timestamp?
    private let askedTo: Timestamp?

    /// Reads it from `from` and `to`.
    ///
    /// - Throws: ``Problem`` 400 if one cannot be read, or the end is before the beginning.
    init(_ parameters: [String: String]) throws(Problem) {
        askedFrom = try Moment.time(parameters["from"], "from")
        askedTo = try Moment.time(parameters["to"], "to")
        if let from = askedFrom, let to = askedTo, to < from {
            throw .invalidParameter("to", to.description, expected: "no time before from, \(from)")
        }
    }

    /// The last moment that it is about, for a question whether a record is a part of it; nil: none, it has no end.
    var last: Moment? { askedTo.map { .time($0.justBefore) } }

    /// Its beginning: if none was asked for, the opening, or its end if that is earlier.
    func from(_ account: Revision<Account>) -> Timestamp {
        if let askedFrom { return askedFrom }
        let createdAt = account.createdAt ?? .earliest
        return min(createdAt, askedTo ?? createdAt)
    }

    /// Where it ends: if nothing was asked for, just after the last event, so that the answer is the same until there is
    /// another one.
    func to(_ account: Revision<Account>) -> Timestamp {
        askedTo ?? max(account.updatedAt?.justAfter ?? .earliest, from(account))
    }
}

extension Timestamp {
    /// A microsecond earlier; the same for the earliest.
    var justBefore: Timestamp { Timestamp(microseconds: microseconds - 1) }

    /// A microsecond later; the same for the latest.
    var justAfter: Timestamp { Timestamp(microseconds: microseconds + 1) }
}
