/// Which resources, by their names, somebody may see: all, those whose names begin with a prefix, or one.
public enum Reach: Hashable, Sendable, CustomStringConvertible {
    /// All.
    case all
    /// Those whose names begin with this; the empty prefix is ``all``.
    case prefix(String)
    /// The one of this name.
    case one(String)

    /// Reads a pattern: a name, or a prefix and `*`. Names are ASCII without spaces; nil for anything else.
    public init?(_ pattern: String) {
        let name = pattern.hasSuffix("*") ? pattern.dropLast() : pattern[...]
        guard pattern.utf8.count <= Self.maxPattern, !pattern.isEmpty, !name.utf8.contains(UInt8(ascii: "*")),
            name.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self = name.count == pattern.count ? .one(pattern) : name.isEmpty ? .all : .prefix(String(name))
    }

    /// The most bytes of a pattern.
    public static let maxPattern = 256

    /// Whether a resource may be seen.
    public func includes(_ name: String) -> Bool {
        switch self {
        case .all: true
        case .prefix(let prefix): name.utf8.starts(with: prefix.utf8)
        case .one(let one): name.utf8.elementsEqual(one.utf8)
        }
    }

    /// What is in both; nil: nothing is.
    public func intersection(_ other: Reach) -> Reach? {
        switch (self, other) {
        case (.all, let rest), (let rest, .all): rest
        case (.one(let one), let rest), (let rest, .one(let one)): rest.includes(one) ? .one(one) : nil
        case (.prefix(let first), .prefix(let second)):
            first.utf8.starts(with: second.utf8)
                ? .prefix(first) : second.utf8.starts(with: first.utf8) ? .prefix(second) : nil
        }
    }

    /// The pattern.
    public var description: String {
        switch self {
        case .all: "*"
        case .prefix(let prefix): prefix + "*"
        case .one(let one): one
        }
    }
}
