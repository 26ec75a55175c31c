public import EventSourcing
internal import EventStoreRules

/// Why the store could not do what was asked.
public struct PostgreSQLEventStoreError: StoreFailure {
    /// What kind of failure it is; more kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, for metric labels.
        public let description: String

        /// The server refused the connection or what is needed to open a log.
        public static let cannotOpen = Code(description: "cannotOpen")
        /// Another program leads the log.
        public static let locked = Code(description: "locked")
        /// The server is too old, or is set up in a way that a log cannot be kept in.
        public static let unsuitable = Code(description: "unsuitable")
        /// The schema `daybook` is not Daybook's.
        public static let foreignSchema = Code(description: "foreignSchema")
        /// The schema `daybook` has something that Daybook did not make, or lacks something.
        public static let alteredSchema = Code(description: "alteredSchema")
        /// The database holds another log than the one that is to be continued in it, or one when there should be none.
        public static let otherLog = Code(description: "otherLog")
        /// The log cannot be cut at this position, which is inside an append.
        public static let insideAppend = Code(description: "insideAppend")
        /// The schema was made by a newer Daybook.
        public static let newerSchema = Code(description: "newerSchema")
        /// The server's settings would not make events durable.
        public static let notDurable = Code(description: "notDurable")
        /// The database holds what no Daybook wrote.
        public static let damaged = Code(description: "damaged")
        /// The database lacks what was acknowledged: a server took over that had not got it.
        public static let historyLost = Code(description: "historyLost")
        /// A read failed.
        public static let readFailed = Code(description: "readFailed")
        /// An append failed.
        public static let writeFailed = Code(description: "writeFailed")
        /// The store was closed.
        public static let closed = Code(description: "closed")
    }

    /// What kind of failure it is.
    public let code: Code

    /// What failed, with which value, and what to do about it: printable.
    public let description: String

    /// Whether the database holds what no Daybook wrote.
    public var isDamage: Bool { code == .damaged || code == .alteredSchema }

    init(_ code: Code, _ message: String) {
        self.code = code
        description = message
    }

    /// A failure with the reason that the server or the connection gave.
    init(_ code: Code, _ message: String, _ cause: ConnectionFailure) {
        self.init(code, "\(message): \(cause)")
    }
}

extension PostgreSQLEventStoreError {
    /// The store was closed.
    static func closed(_ string: ConnectionString) -> PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(.closed, "the log \(string.place) was closed; open it again")
    }

    /// A record that no Daybook wrote.
    static func damaged(at position: UInt64, _ reason: String) -> PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(
            .damaged, "the record at position \(position) is damaged: \(reason); run verify, or restore a backup")
    }
}
