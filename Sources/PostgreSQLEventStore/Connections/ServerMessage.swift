internal import CPostgreSQL
internal import EventStoreRules

/// What the server says of an error, or with a warning.
struct ServerMessage: Sendable, CustomStringConvertible {
    /// `ERROR`, `FATAL`, `WARNING`, `NOTICE` and so on, in English whatever the server's language.
    let severity: String
    /// The five characters of https://www.postgresql.org/docs/15/errcodes-appendix.html.
    let state: String
    /// Its words, printable.
    let text: String

    /// The message of a result of libpq.
    init(_ result: OpaquePointer?) {
        func field(_ code: Int32) -> String {
            PQresultErrorField(result, code).map { String(cString: $0).joinedLines.printable } ?? ""
        }
        severity = field(PQ_FIELD_SEVERITY)
        state = field(PQ_FIELD_SQLSTATE)
        text = field(PQ_FIELD_MESSAGE)
    }

    /// One clause.
    var description: String { "\(text) (PostgreSQL code \(state))" }

    /// Whether it says that something is not as it should be. `DEBUG`, `LOG`, `INFO` and `NOTICE` do not.
    var isWarning: Bool { !["DEBUG", "LOG", "INFO", "NOTICE"].contains(severity) }
}
