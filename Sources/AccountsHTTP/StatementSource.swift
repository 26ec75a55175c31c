internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import NIOCore
internal import ServiceSupport

/// Reads the events of a statement, part by part: once for its sums and, if it is too long to be kept meanwhile, once more
/// for its rows.
struct StatementSource: Sendable {
    private static let eventsOfARead = 2000
    /// A statement up to this size is kept in memory while it is read.
    private static let maxKept = 1 << 20
    /// A part is sent once it reaches this size.
    private static let bytesOfAPart = 64 << 10

    /// The account as it is known.
    let account: Revision<Account>
    /// As it is before the statement's first event.
    let opening: Revision<Account>
    /// The version of the statement's last event.
    let last: UInt64
    let history: AccountHistory

    /// Reads all of it.
    ///
    /// - Returns: the sums, and the whole body unless it is longer than 1 MiB.
    /// - Throws: ``Problem`` 400 `statement-too-long`, and 503 if the log cannot be read.
    func read(_ writer: StatementWriter, _ headers: HTTPFields) async throws -> (Statement, ByteBuffer?) {
        var rows: ByteBuffer? = ByteBuffer()
        let statement = try await forEachRow { row, number in
            guard number <= Statement.maxRows else {
                throw AccountProblems.statementTooLong(account.stream.name, endingAt: row.time, headers)
            }
            guard rows != nil else { return }
            rows?.writeBytes(writer.row(row, isFirst: number == 1))
            if (rows?.readableBytes ?? 0) > Self.maxKept { rows = nil }
        }
        guard var rows else { return (statement, nil) }
        var body = ByteBuffer(bytes: writer.beginning(statement))
        body.writeBuffer(&rows)
        body.writeBytes(writer.end)
        return (statement, body)
    }

    /// Reads it once more and sends it.
    ///
    /// - Throws: if it is not what it was, so that the answer is broken off.
    func send(_ statement: Statement, _ writer: StatementWriter, to output: FeedWriter) async throws {
        var part = ByteBuffer(bytes: writer.beginning(statement))
        let sent = try await forEachRow { row, number in
            part.writeBytes(writer.row(row, isFirst: number == 1))
            guard part.readableBytes >= Self.bytesOfAPart else { return }
            try await output.write(part)
            part.clear()
        }
        guard sent.rows == statement.rows, sent.closingBalance == statement.closingBalance else {
            throw AccountProblems.logWentBack
        }
        part.writeBytes(writer.end)
        try await output.write(part)
    }

    private func forEachRow(_ body: (StatementRow, _ number: Int) async throws -> Void) async throws -> Statement {
        var statement = Statement(from: opening, in: account.state.currency)
        while statement.version < last {
            let records = try await history.records(
                after: statement.version, upTo: last, limit: Self.eventsOfARead)
            guard !records.isEmpty else { throw AccountProblems.logWentBack }
            for record in records {
                let row: StatementRow?
                do throws(RevisionError) {
                    row = try statement.apply(record)
                } catch {
                    throw AccountProblems.unreadable(error)
                }
                if let row { try await body(row, statement.rows) }
            }
        }
        return statement
    }
}
