internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import QueryService
internal import ServiceSupport

/// When in an account's history a query looks.
enum Moment: Hashable, Sendable {
    /// After the event of this version.
    case version(UInt64)
    /// After the last event recorded at this time or before it.
    case time(Timestamp)

    /// Reads it from `version` or `at`; nil where neither is given: now.
    ///
    /// - Throws: ``Problem`` 400 where both are given, or one cannot be read.
    init?(_ parameters: [String: String]) throws(Problem) {
        let version = try ParameterReading.integer("version", parameters["version"], in: 0...UInt64.max)
        let time = try Self.time(parameters["at"])
        switch (version, time) {
        case (nil, nil): return nil
        case (let version?, nil): self = .version(version)
        case (nil, let time?): self = .time(time)
        case (let version?, _?): throw .invalidParameter("version", "\(version)", expected: "no at beside it")
        }
    }

    /// Reads `at`, or another parameter that is a time.
    static func time(_ text: String?, _ name: String = "at") throws(Problem) -> Timestamp? {
        guard let text else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw .invalidParameter(
                name, text, expected: "a time of RFC 3339 such as 2026-01-02T03:04:05.678901Z (a + is written %2B)")
        }
        return time
    }
}

extension AccountQueries {
    /// What is known of an account, as fresh as the request demands; nil if there is none, or, for whoever asks, none that
    /// may be seen: both are waited for and answered alike.
    func entry(
        of stream: StreamID?, _ request: Request, _ parameters: [String: String]
    ) async throws -> ProjectionHost<AccountDirectory>.Reading<AccountDirectory.Entry?> {
        try await accounts.read(request, parameters) { directory in
            if let stream { directory.entry(stream.name) } else { nil }
        }
    }

    /// The account as it is, or, if it has a record that cannot be applied, as it was before that one, for a query that
    /// looks at a moment before it.
    ///
    /// - Throws: ``Problem`` 404 if there is none of the name, 503 `account-unreadable` if the moment is not before the
    ///   record.
    func readable(
        _ entry: AccountDirectory.Entry?, _ id: String, at moment: Moment?, _ headers: HTTPFields
    ) throws(Problem) -> Revision<Account> {
        switch entry {
        case nil: throw AccountProblems.notFound(id, headers)
        case .account(let account)?: return account
        case .unreadable(let unreadable, let before)?:
            let isBefore =
                switch moment {
                case nil: false
                case .version(let version)?: version < unreadable.version
                case .time(let time)?: time < unreadable.recordedAt
                }
            guard isBefore else { throw AccountProblems.unreadable(unreadable, headers) }
            guard let before else { throw AccountProblems.notFound(id, headers) }
            return before
        }
    }

    /// As of when an account is shown: by the clock, but never as of a time before its last event; at the time that was
    /// asked for; and at a version, as of its event.
    func viewTime(of account: Revision<Account>, at moment: Moment?) -> Timestamp {
        let updatedAt = account.updatedAt ?? .earliest
        return switch moment {
        case nil: max(clock(), updatedAt)
        case .time(let time)?: time
        case .version?: updatedAt
        }
    }

    /// So many accounts are asked of the log at once.
    private static let mostAsked = 64

    /// Accounts as they were at a moment, in the same order.
    func accounts(
        _ newest: [Revision<Account>], at moment: Moment?, _ headers: HTTPFields
    ) async throws -> [Revision<Account>] {
        guard let moment else { return newest }
        return try await withThrowingTaskGroup(of: (Int, Revision<Account>).self) { group in
            var found = newest
            var next = 0
            func askNext() {
                guard next < newest.count else { return }
                let (index, account) = (next, newest[next])
                next += 1
                group.addTask { (index, try await self.account(account, at: moment, headers)) }
            }
            for _ in 0..<Self.mostAsked { askNext() }
            while let (index, account) = try await group.next() {
                found[index] = account
                askNext()
            }
            return found
        }
    }

    /// An account as it was at a moment.
    ///
    /// - Throws: ``Problem`` 404 where it had no such version, or was not opened then.
    func account(
        _ newest: Revision<Account>, at moment: Moment?, _ headers: HTTPFields
    ) async throws -> Revision<Account> {
        switch moment {
        case nil:
            return newest
        case .version(let version):
            guard version > 0, version <= newest.version else {
                throw Problem(
                    .notFound, "not-found", title: "Not found",
                    detail: "\(newest.stream.name) has versions 1 to \(newest.version), \(version) was asked for",
                    headers: headers)
            }
            return try await account(newest, atVersion: version)
        case .time(let time):
            if let updatedAt = newest.updatedAt, updatedAt <= time { return newest }
            guard let createdAt = newest.createdAt, createdAt <= time else {
                throw notYetOpen(newest, at: time, headers)
            }
            // The log may know of newer events than the answer's position tells of.
            let version = min(newest.version, try await log.version(of: newest.stream, at: time))
            // A log that went back meanwhile may not have the opening any more.
            guard version > 0 else { throw notYetOpen(newest, at: time, headers) }
            return try await account(newest, atVersion: version)
        }
    }

    private func notYetOpen(_ newest: Revision<Account>, at time: Timestamp, _ headers: HTTPFields) -> Problem {
        let opened = newest.createdAt.map { "; it was opened at \($0)" } ?? ""
        return Problem(
            .notFound, "account-not-found", title: "Account not found",
            detail: "the account \(newest.stream.name) was not yet open then, at \(time)\(opened)",
            headers: headers)
    }

    private func account(_ newest: Revision<Account>, atVersion version: UInt64) async throws -> Revision<Account> {
        if version == newest.version { return newest }
        return try await aggregate(newest.stream, at: version)
    }

    /// An account as it was at a version, from the log.
    ///
    /// - Throws: ``Problem`` 503 `account-unreadable` if a record before it cannot be applied.
    func aggregate(_ stream: StreamID, at version: UInt64) async throws -> Revision<Account> {
        do {
            return try await log.aggregate(stream, as: Account.self, at: version)
        } catch let error as RevisionError {
            throw AccountProblems.unreadable(error)
        }
    }
}
