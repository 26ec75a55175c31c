internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import ServiceSupport

/// What a client demands of the aggregate before its command may be obeyed: `If-Match` and `If-None-Match` of RFC 9110.
public struct CommandCondition: Hashable, Sendable {
    /// The versions that `If-Match` names; nil without it. Empty where all that it names can never match, as weak tags.
    public var versions: Set<UInt64>?
    /// `If-Match: *`.
    public var mustExist = false
    /// `If-None-Match: *`.
    public var mustNotExist = false

    /// Nothing is demanded.
    public static let none = CommandCondition()

    /// A condition that demands nothing yet.
    public init() {}

    /// Whether it holds at a version.
    public func holds(at version: UInt64) -> Bool {
        if let versions, !versions.contains(version) { return false }
        if mustExist, version == 0 { return false }
        return !(mustNotExist && version > 0)
    }

    /// The one version that a client expects, where it names exactly one, for the answer that it was wrong.
    var expectedVersion: UInt64? {
        if mustNotExist { return 0 }
        guard let versions, versions.count == 1 else { return nil }
        return versions.first
    }
}

extension CommandCondition {
    /// Reads the condition from a request's header.
    ///
    /// - Throws: ``Problem`` 400 where a header field is no list of entity tags.
    init(_ headers: HTTPFields) throws(Problem) {
        if let text = headers[.ifMatch] {
            if text == "*" {
                mustExist = true
            } else {
                // Only a strong tag can match here, and ours are the versions.
                versions = Set(try EntityTag.list("If-Match", text).filter { !$0.isWeak }.compactMap(\.version))
            }
        }
        if let text = headers[.ifNoneMatch] {
            guard text == "*" else {
                throw Problem.invalidParameter("If-None-Match", text, expected: "* with a command")
            }
            mustNotExist = true
        }
    }
}
