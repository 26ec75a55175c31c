/// A read model: a fold of the whole log, in order of position.
///
/// Whoever drives it applies every record exactly once, position after position.
public protocol Projection: Sendable {
    /// What names the projection in health reports and settings.
    static var name: String { get }

    /// Takes in the next record of the log. Records of categories that it does not know leave it as it is.
    ///
    /// - Throws: ``RevisionError`` where it cannot take the record in; it is then unchanged and must not be given later
    ///   records.
    mutating func apply(_ record: RecordedEvent) throws(RevisionError)
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
