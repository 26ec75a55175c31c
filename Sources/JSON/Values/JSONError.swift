/// Why bytes could not be read as JSON, or not as the JSON that was asked for.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors. More may come: keep a default case.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String, Sendable {
            case malformed, unexpectedEnd, notUTF8, tooDeep, duplicateMember, unexpectedKind, unexpectedMember
        }

        private let name: Name

        /// A byte that the grammar does not allow where it stands.
        public static let malformed = Code(name: .malformed)
        /// The bytes end before the document does.
        public static let unexpectedEnd = Code(name: .unexpectedEnd)
        /// A string that is not UTF-8, or an escape of half a surrogate pair.
        public static let notUTF8 = Code(name: .notUTF8)
        /// More arrays and objects within each other than the reader was told to allow.
        public static let tooDeep = Code(name: .tooDeep)
        /// A name that stands twice in one object.
        public static let duplicateMember = Code(name: .duplicateMember)
        /// Well-formed as far as it was read, but a value of another kind than was asked for.
        public static let unexpectedKind = Code(name: .unexpectedKind)
        /// A name or a value that the reader's caller does not know: only callers throw it, from within a member.
        public static let unexpectedMember = Code(name: .unexpectedMember)

        /// The name of the code: fit for a metric's label.
        public var description: String { name.rawValue }
    }

    /// What kind of error it is.
    public let code: Code
    /// Where: the number of bytes before the place.
    public let offset: Int
    /// The innermost member or element that is known to hold the place, as a JSON pointer (RFC 6901). Empty for the
    /// document itself, and where nothing closer is known, as within a value that was skipped.
    public let pointer: String
    /// What is wrong there.
    public let reason: String

    /// An error from its parts.
    public init(code: Code, offset: Int, pointer: String = "", reason: String) {
        self.code = code
        self.offset = offset
        self.pointer = pointer
        self.reason = reason
    }

    /// One sentence that says what is wrong, and where.
    public var description: String {
        pointer.isEmpty ? "\(reason) at byte \(offset)" : "\(reason) at byte \(offset), in \(pointer)"
    }

    /// The same error, seen from the array or object around it.
    func inside(_ outer: String) -> JSONError {
        JSONError(code: code, offset: offset, pointer: outer + pointer, reason: reason)
    }
}
