internal import EventSourcing

/// The versions of an append's streams, as they are kept with a command key: a JSON array, so that SQLite's `json_each`
/// reads them: `[3,7]`.
package enum StreamVersions {
    /// An append has no more streams than its frame can count.
    package static let maxCount = Int(UInt16.max)

    package static func encode(_ versions: [UInt64]) -> String {
        if versions.count == 1 { return "[\(versions[0])]" }
        return "[" + versions.map(String.init).joined(separator: ",") + "]"
    }

    /// Reads versions back; nil for anything that ``encode(_:)`` does not write, and for what no append leads to: more
    /// than ``maxCount`` versions, or one beyond ``RecordedEvent/maxOrdinal``.
    package static func decode(_ text: [UInt8]) -> [UInt64]? {
        guard text.count >= 2, text.first == UInt8(ascii: "["), text.last == UInt8(ascii: "]") else { return nil }
        let digits = text.dropFirst().dropLast()
        if digits.isEmpty { return [] }
        var versions: [UInt64] = []
        for digits in digits.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard let version = UInt64(String(decoding: digits, as: UTF8.self)), version <= RecordedEvent.maxOrdinal,
                versions.count < maxCount
            else { return nil }
            versions.append(version)
        }
        // Also a plus sign and leading zeros are read as numbers.
        return encode(versions).utf8.elementsEqual(text) ? versions : nil
    }
}
