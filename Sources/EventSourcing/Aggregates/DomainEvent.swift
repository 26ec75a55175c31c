/// An event of a domain, and how it is written down.
public protocol DomainEvent: Hashable, Sendable {
    /// The name of what happened, such as `MoneyDeposited`: see ``StreamID/isValidEventType(_:)``.
    var type: String { get }

    /// The version of the schema that ``encoded()`` writes.
    var schemaVersion: UInt16 { get }

    /// The event's data as a JSON object in UTF-8, without the type.
    func encoded() -> [UInt8]

    /// Reads an event back.
    ///
    /// - Throws: ``EventDecodingError`` where the type or the schema version is unknown or the data does not follow it.
    init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError)
}

/// Why recorded data could not be read as an event of the domain.
public struct EventDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The recorded type.
    public let type: String
    /// The recorded schema version.
    public let schemaVersion: UInt16
    /// What is wrong with it.
    public let reason: String

    /// An error about an event of this type and schema version.
    public init(type: String, schemaVersion: UInt16, reason: String) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.reason = reason
    }

    /// One sentence that names the type, the schema version and the reason.
    public var description: String { "cannot read a \(type) of schema version \(schemaVersion): \(reason)" }
}
