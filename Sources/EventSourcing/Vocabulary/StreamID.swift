/// The name of a stream: the events of one aggregate, in order.
///
/// Both parts use the alphabet `A-Z a-z 0-9 . _ ~ -`, so that they can stand in a topic, a URL path and a file name
/// without being escaped. The category is 1 to 32 characters long, the name 1 to 128.
public struct StreamID: Hashable, Sendable, CustomStringConvertible {
    /// The longest category, in characters, each a byte.
    public static let maxCategoryLength = 32
    /// The longest name.
    public static let maxNameLength = 128
    /// The longest type of an event.
    public static let maxEventTypeLength = 64

    /// The kind of aggregate, such as `account`.
    public let category: String

    /// The aggregate's own name within its category, such as `acc-001`.
    public let name: String

    /// A stream name, or nil where a part is empty, too long or outside the alphabet.
    public init?(category: String, name: String) {
        guard Self.isValidCategory(category), Self.isValidName(name) else { return nil }
        self.category = category
        self.name = name
    }

    /// A stream name from the bytes of its parts, or nil where one is empty, too long or outside the alphabet.
    package init?(category: UnsafeRawBufferPointer, name: UnsafeRawBufferPointer) {
        guard Self.isSegment(category, longest: Self.maxCategoryLength),
            Self.isSegment(name, longest: Self.maxNameLength)
        else { return nil }
        self.category = String(decoding: category, as: UTF8.self)
        self.name = String(decoding: name, as: UTF8.self)
    }

    /// Hashes the name: it tells nearly all streams apart, and every event is looked up by its stream several times.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// `category/name`.
    public var description: String { "\(category)/\(name)" }

    /// Whether a string can be a category: 1 to 32 characters of the alphabet.
    public static func isValidCategory(_ string: String) -> Bool {
        isSegment(string, longest: maxCategoryLength)
    }

    /// Whether a string can be a stream's name: 1 to 128 characters of the alphabet.
    public static func isValidName(_ string: String) -> Bool {
        isSegment(string, longest: maxNameLength)
    }

    /// Whether a string can be an event's type: 1 to 64 characters of the alphabet.
    public static func isValidEventType(_ string: String) -> Bool {
        isSegment(string, longest: maxEventTypeLength)
    }

    static func isValidEventType(_ bytes: UnsafeRawBufferPointer) -> Bool {
        isSegment(bytes, longest: maxEventTypeLength)
    }

    private static func isSegment(_ string: String, longest: Int) -> Bool {
        var string = string
        return string.withUTF8 { isSegment(UnsafeRawBufferPointer($0), longest: longest) }
    }

    private static func isSegment(_ bytes: UnsafeRawBufferPointer, longest: Int) -> Bool {
        guard !bytes.isEmpty, bytes.count <= longest else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: "-"):
                true
            default:
                false
            }
        }
    }
}
