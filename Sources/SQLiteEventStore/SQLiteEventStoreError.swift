public import EventSourcing

/// Why the store could not do what was asked.
public struct SQLiteEventStoreError: StoreFailure {
    /// What kind of failure it is; more kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, for metric labels.
        public let description: String

        /// The file, its folder or its lock file cannot be opened or made.
        public static let cannotOpen = Code(description: "cannotOpen")
        /// Another process, or another store in this one, has the file open.
        public static let locked = Code(description: "locked")
        /// The file is not a Daybook log.
        public static let foreignFile = Code(description: "foreignFile")
        /// The file holds another log than the one that is to be continued in it.
        public static let otherLog = Code(description: "otherLog")
        /// Beside the file lies a side file that belongs to another file.
        public static let straySideFile = Code(description: "straySideFile")
        /// The file, or one beside it, was moved, removed or replaced while it was open.
        public static let replaced = Code(description: "replaced")
        /// The file was written by a newer Daybook.
        public static let newerSchema = Code(description: "newerSchema")
        /// The file has a table, index, view or trigger that is not as Daybook makes it.
        public static let alteredSchema = Code(description: "alteredSchema")
        /// The file's settings would not make events durable.
        public static let notDurable = Code(description: "notDurable")
        /// The file holds what no Daybook wrote: it was altered, or the disk failed.
        public static let damaged = Code(description: "damaged")
        /// The log cannot be cut at this position, which is inside an append.
        public static let insideAppend = Code(description: "insideAppend")
        /// A read failed.
        public static let readFailed = Code(description: "readFailed")
        /// An append failed; whether it is on disk is unknown.
        public static let writeFailed = Code(description: "writeFailed")
        /// An append failed earlier, so that nothing more is written.
        public static let failedEarlier = Code(description: "failedEarlier")
        /// The store was closed.
        public static let closed = Code(description: "closed")
    }

    /// What kind of failure it is.
    public let code: Code

    /// What failed, with which value, and what to do about it.
    public let message: String

    /// The error of SQLite, GRDB or the system behind it.
    public let cause: (any Error)?

    /// Whether the file holds what no Daybook wrote.
    public var isDamage: Bool { code == .damaged }

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, followed by the cause in words of Daybook's own.
    public var description: String {
        guard let cause else { return message }
        return "\(message): \(FailureCause.words(for: cause))"
    }
}

extension SQLiteEventStoreError {
    /// A record that no Daybook wrote.
    static func damaged(at position: UInt64, _ reason: String) -> SQLiteEventStoreError {
        SQLiteEventStoreError(
            .damaged, "the record at position \(position) is damaged: \(reason); run verify, or restore a backup")
    }

    /// Why a log whose last record has its append go on is damaged: the writer commits appends whole.
    static let endIsMissing = "its append goes on in the next record, but the log ends with it: the end was cut off"

    /// What was thrown while `message` was attempted; an error of this store stays as it is, and so does an obstacle.
    static func wrapping(_ error: any Error, _ code: Code, _ message: @autoclosure () -> String) -> any Error {
        error is SQLiteEventStoreError || error is StoreObstacle
            ? error : SQLiteEventStoreError(code, message(), cause: error)
    }
}
