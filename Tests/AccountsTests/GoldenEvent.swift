import Accounts
import EventSourcing
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
            let limits = AccountLimits(overdraft: amount("overdraft"), maximumBalance: amount("maximum_balance"))
            return .opened(owner: owner, initialBalance: balance, currency: currency, limits: limits)
        default: return later(parts, amount)
        }
    }
}

extension GoldenEvent {
    /// The events other than openings. What is missing in a line that needs it makes no event.
    private static func later(
        _ parts: [String: String?], _ amount: (String) -> Money?
    ) -> AccountEvent? {
        func part<Value>(_ name: String, _ parse: (String) -> Value?) -> Value? { parts[name]?.flatMap(parse) }
        func limit(_ name: String) -> LimitChange<Money> {
            switch parts[name] {
            case nil: .unchanged
            case "removed": .removed
            default: amount(name).map { .set($0) } ?? .unchanged
            }
        }
        let details = MovementDetails(
            reference: parts["reference"] ?? nil, description: parts["description"] ?? nil,
            effectiveAt: part("effective_at") { CalendarDate($0) })
        let counterparty = part("counterparty") { StreamID(category: "account", name: $0) }
        let (transfer, hold) = (part("transfer") { UniqueID($0) }, part("hold") { HoldID($0) })
        let link = counterparty.flatMap { counterparty in
            transfer.map { TransferLink(counterparty: counterparty, transfer: $0) }
        }
        let side = link.flatMap { link in
            part("counterparty_version") { UInt64($0) }.flatMap { version in
                amount("amount").map {
                    TransferSide(
                        amount: $0, counterparty: link.counterparty, counterpartyVersion: version,
                        transfer: link.transfer, hold: hold, details: details)
                }
            }
        }
        switch (parts["event"], amount("amount"), hold, parts["reason"] ?? nil) {
        case ("deposited", let amount?, _, _): return .deposited(amount: amount, details: details)
        case ("withdrawn", let amount?, _, _): return .withdrawn(amount: amount, details: details)
        case ("sent", _, _, _): return side.map { .sent($0) }
        case ("received", _, _, _): return side.map { .received($0) }
        case ("hold-placed", let amount?, let hold?, _):
            let expiresAt = part("expires_at") { Timestamp(rfc3339: $0) }
            return .holdPlaced(hold: hold, amount: amount, expiresAt: expiresAt, details: details)
        case ("hold-captured", let taken?, let hold?, _):
            return .holdCaptured(
                HoldCapture(hold: hold, amount: taken, released: amount("released"), link: link, details: details))
        case ("hold-released", let amount?, let hold?, _): return .holdReleased(hold: hold, amount: amount)
        case ("hold-expired", let amount?, let hold?, _): return .holdExpired(hold: hold, amount: amount)
        case ("limits-set", _, _, _):
            return .limitsSet(overdraft: limit("overdraft"), maximumBalance: limit("maximum_balance"))
        case ("frozen", _, _, let reason?):
            return part("direction") { AccountFreeze.Direction(rawValue: $0) }
                .map { .frozen(direction: $0, reason: reason) }
        case ("unfrozen", _, _, let reason?): return .unfrozen(reason: reason)
        case ("closed", _, _, let reason?): return .closed(reason: reason)
        case ("reversed", let amount?, _, let reason?):
            guard let direction = part("direction", { MovementDirection(rawValue: $0) }),
                let reverses = part("reverses", { UInt64($0) })
            else { return nil }
            return .reversed(
                Reversal(
                    amount: amount, reverses: reverses, direction: direction, reason: reason, link: link,
                    details: details))
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
