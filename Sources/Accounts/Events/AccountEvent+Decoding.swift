public import EventSourcing
internal import JSON

extension AccountEvent {
    /// Reads an event back. What is on record must be exactly what ``encoded()`` writes, but for white space, escapes
    /// and the order of members: anything else is another program's, or damage, and must not be guessed at.
    ///
    /// - Throws: ``EventDecodingError`` for an unknown type, for a schema version other than 2, and for data with a
    ///   member missing, unknown, given twice or not of its form.
    public init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
        if schemaVersion == Self.schemaVersion, let event = Self.plainMovement(type, data) {
            self = event
            return
        }
        func failure(_ reason: String) -> EventDecodingError {
            EventDecodingError(type: type, schemaVersion: schemaVersion, reason: reason)
        }
        guard let kind = EventKind(rawValue: type) else { throw failure("an account has no such event") }
        guard schemaVersion != 1 || kind.isLegacy else {
            throw failure("there was no such event in schema version 1")
        }
        let lifted = try AccountUpcasters.chain.lifted(data, ofType: type, schemaVersion: schemaVersion)
        do {
            self = try EventMembers(lifted, of: kind).event(of: kind)
        } catch {
            throw failure(error.description)
        }
        guard schemaVersion != 1 || hasLegacyMembersOnly else {
            throw failure("there were no such members in schema version 1")
        }
    }

    private var hasLegacyMembersOnly: Bool {
        if case .opened(_, _, _, let limits) = self { limits.isEmpty } else { details.isEmpty }
    }

    /// The deposit or withdrawal in the very bytes that ``encoded()`` writes, as nearly all events hold it; nil for all else,
    /// right or wrong. A rebuild reads millions, and finding out in general what a few bytes of JSON say costs several times
    /// as much.
    private static func plainMovement(_ type: String, _ data: [UInt8]) -> AccountEvent? {
        let isDeposit = type == "MoneyDeposited"
        guard isDeposit || type == "MoneyWithdrawn", let amount = plainAmount(data) else { return nil }
        return isDeposit ? .deposited(amount: amount) : .withdrawn(amount: amount)
    }

    private static func plainAmount(_ data: [UInt8]) -> Money? {
        data.withUnsafeBytes { bytes in
            let (before, after) = ("{\"amount\":\"" as StaticString, "\"}" as StaticString)
            let end = bytes.count - after.utf8CodeUnitCount
            guard end > before.utf8CodeUnitCount, bytes.begin(with: before),
                UnsafeRawBufferPointer(rebasing: bytes[end...]).begin(with: after)
            else { return nil }
            return Money(exactText: UnsafeRawBufferPointer(rebasing: bytes[before.utf8CodeUnitCount..<end]))
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes begin with a text that is not longer.
    fileprivate func begin(with text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            text.indices.allSatisfy { self[$0] == text[$0] }
        }
    }
}
