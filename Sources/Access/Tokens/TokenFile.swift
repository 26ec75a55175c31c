internal import EventSourcing
internal import JSON

/// The file of tokens: one JSON object a line; empty lines are passed over.
///
///     {"name":"till-3","role":"teller","sha256":"…","accounts":"till-3-*","expires":"2027-01-01T00:00:00Z"}
///
/// `accounts` (absent: all) and `expires` (absent: never) may be left out. Everything else is refused, with the number of
/// the line: unknown and doubled members, a name or a digest that another line has, values that are none.
public enum TokenFile {
    /// The most bytes of a file.
    public static let maxBytes = 8 << 20
    /// The most tokens of a file.
    public static let maxEntries = 20_000
    /// The most bytes of a line.
    public static let maxLineBytes = 2048

    /// The tokens in a file's bytes, in order.
    ///
    /// - Throws: ``AccessError`` that names the line. Nothing of the line stands in it but what its members are called.
    public static func entries(in bytes: [UInt8]) throws(AccessError) -> [TokenEntry] {
        guard bytes.count <= maxBytes else { throw AccessError("it has more than \(maxBytes) bytes") }
        var entries: [TokenEntry] = []
        var lines: [String: Int] = [:]
        var linesOfDigests: [Digest256: Int] = [:]
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            let entry = try entry(of: line, number: number)
            if let first = lines.updateValue(number, forKey: entry.name) {
                throw AccessError("line \(number) has the name of line \(first)")
            }
            if let first = linesOfDigests.updateValue(number, forKey: entry.digest) {
                throw AccessError("line \(number) has the sha256 of line \(first)")
            }
            guard entries.count < maxEntries else { throw AccessError("it has more than \(maxEntries) tokens") }
            entries.append(entry)
        }
        return entries
    }

    private static func entry(of line: ArraySlice<UInt8>, number: Int) throws(AccessError) -> TokenEntry {
        guard line.count <= maxLineBytes else {
            throw AccessError("line \(number) has more than \(maxLineBytes) bytes")
        }
        var parts = Parts()
        var reader = JSONReader(Array(line), maximumDepth: 1)
        do throws(JSONError) {
            try reader.readObject { name, reader throws(JSONError) in try parts.read(name, from: &reader) }
            try reader.finish()
        } catch {
            throw AccessError("line \(number): \(error)")
        }
        guard let name = parts.name, let role = parts.role, let digest = parts.digest else {
            throw AccessError("line \(number): a token needs name, role and sha256")
        }
        return TokenEntry(
            name: name, role: role, digest: digest, reach: parts.reach ?? .all, expires: parts.expires)
    }

    /// The members of a line as far as they are read.
    private struct Parts {
        var name: String?
        var role: Role?
        var digest: Digest256?
        var reach: Reach?
        var expires: Timestamp?

        mutating func read(_ member: String, from reader: inout JSONReader) throws(JSONError) {
            switch member {
            case "name":
                name = try value(from: &reader, "expected 1 to 128 visible ASCII characters") { text in
                    ActorName.isValid(text) ? text : nil
                }
            case "role":
                let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
                role = try value(from: &reader, "expected one of \(roles)") { Role(rawValue: $0) }
            case "sha256":
                digest = try value(from: &reader, "expected 64 hexadecimal digits") { Digest256(hexadecimal: $0) }
            case "accounts":
                reach = try value(from: &reader, "expected a name, or the beginning of names and *") { Reach($0) }
            case "expires":
                expires = try value(from: &reader, "expected a time of RFC 3339") { Timestamp(rfc3339: $0) }
            default:
                throw JSONError(code: .unexpectedMember, offset: reader.offset, reason: "an unknown member")
            }
        }

        private func value<Value>(
            from reader: inout JSONReader, _ expected: String, _ read: (String) -> Value?
        ) throws(JSONError) -> Value {
            let start = reader.offset
            guard let value = read(try reader.readString()) else {
                throw JSONError(code: .unexpectedMember, offset: start, reason: expected)
            }
            return value
        }
    }
}
