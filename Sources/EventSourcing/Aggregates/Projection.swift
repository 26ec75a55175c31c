/// A read model: a fold of the whole log, in order of position.
///
/// Whoever drives it applies every record exactly once, position after position.
public protocol Projection: Sendable {
    /// What names the projection in health reports and settings.
    static var name: String { get }

    /// Takes in the next record of the log. Records of categories that it does not know leave it as it is.
    ///
    /// - Throws: ``RevisionError`` if it cannot take the record in; it is then unchanged and must not be given later
    ///   records. A projection that can tell which stream is at fault leaves that stream out instead, and throws nothing:
    ///   see ``unreadableStreams``.
    mutating func apply(_ record: RecordedEvent) throws(RevisionError)

    /// The number of streams that it leaves out, since a record of theirs cannot be applied. Default: none.
    var unreadableStreams: Int { get }

    /// Some of those streams, at most `limit`, each by the first of its records that cannot be applied.
    func unreadableRecords(limit: Int) -> [RevisionError]
}

extension Projection {
    /// None: a record that cannot be applied stops the projection.
    public var unreadableStreams: Int { 0 }

    /// None.
    public func unreadableRecords(limit: Int) -> [RevisionError] { [] }
}

/// A projection that can be written down, so that a start needs only the records after what was written.
public protocol CheckpointedProjection: Projection {
    /// What the written form and the meaning of what is in it depend on. A checkpoint of another schema is not read:
    /// change this text with everything that changes what the same records lead to.
    static var schema: String { get }

    /// An empty projection.
    init()

    /// Reads what ``write(_:)`` wrote.
    ///
    /// - Parameter nextLine: gives line after line, nil at the end.
    /// - Throws: ``CheckpointError`` where it wrote no such thing, and whatever `nextLine` throws.
    init(reading nextLine: () throws -> [UInt8]?) throws

    /// Writes everything, line by line (without the line feeds), the same lines for the same state.
    func write(_ line: ([UInt8]) throws -> Void) rethrows
}

/// A checkpoint that cannot be read as one.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    public let description: String

    /// An error with its reason.
    public init(_ description: String) {
        self.description = description
    }
}
