import Accounts
import Foundation
import JSON

/// A line of a golden file: recorded bytes, and the event that they must become. See `Golden/README.md`.
struct GoldenEvent {
    let place: String
    let type: String
    let schemaVersion: UInt16
    let data: [UInt8]
    let becomes: AccountEvent

    /// What is wrong with a golden file itself.
    struct Unreadable: Error { let place: String }

    /// The lines of the file of a schema version.
    static func all(ofVersion version: UInt16) throws -> [GoldenEvent] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Golden/version-\(version).ndjson")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated().map { index, line in
            try GoldenEvent(String(line), place: "\(file.lastPathComponent):\(index + 1)")
        }
    }

    private init(_ line: String, place: String) throws {
        let members = try Self.members(of: line)
        guard let type = members["type"]?.text, let number = members["schema_version"]?.integer,
            let schemaVersion = UInt16(exactly: number), let data = members["data"]?.text,
            case .object(let parts)? = members["becomes"], let event = Self.event(parts)
        else { throw Unreadable(place: place) }
        self.place = place
        self.type = type
        self.schemaVersion = schemaVersion
        self.data = Array(data.utf8)
        becomes = event
    }

    private static func members(of line: String) throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        var reader = JSONReader(Array(line.utf8))
        try reader.readObject { name, reader throws(JSONError) in members[name] = try reader.readValue() }
        try reader.finish()
        return members
    }

    private static func event(_ parts: [JSONValue.Member]) -> AccountEvent? {
        let parts = Dictionary(uniqueKeysWithValues: parts.map { ($0.name, $0.value.text) })
        func amount(_ name: String) -> Money? { parts[name]?.flatMap { Money(exactText: $0) } }
        switch parts["event"] {
        case "opened":
            guard let owner = parts["owner"] ?? nil, let balance = amount("initial_balance"),
                let currency = parts["currency"]?.flatMap({ Currency($0) })
            else { return nil }
            return .opened(owner: owner, initialBalance: balance, currency: currency)
        case "deposited": return amount("amount").map { .deposited(amount: $0) }
        case "withdrawn": return amount("amount").map { .withdrawn(amount: $0) }
        default: return nil
        }
    }
}

extension JSONValue {
    fileprivate var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    fileprivate var integer: Int64? {
        if case .number(let number) = self { number.integer } else { nil }
    }
}
