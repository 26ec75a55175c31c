package import EventSourcing

/// The streams of an append, as they are kept with a command key if they are several: a JSON array in the order of their
/// versions, so that SQLite's `json_each` reads them: `["account/a","account/b"]`.
package enum StreamNames {
    /// The text to keep; nil if the stream that is the key's scope is the only one.
    package static func encode(_ streams: [StreamID]) -> String? {
        if streams.count == 1 { return nil }
        // No character of their alphabet must be escaped.
        return "[" + streams.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }

    /// Reads the streams of a key back; nil for anything that ``encode(_:)`` does not write.
    ///
    /// - Parameters:
    ///   - text: nothing if the scope was the only stream; an older program kept no more of several either.
    ///   - count: how many versions were kept with the key.
    package static func decode(_ text: [UInt8], scope: StreamID, count: Int) -> [StreamID]? {
        if text.isEmpty { return [scope] }
        var streams: [StreamID] = []
        for quoted in text.dropFirst().dropLast().split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        {
            let parts = quoted.dropFirst().dropLast().split(
                separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, streams.count < count,
                let stream = StreamID(
                    category: String(decoding: parts[0], as: UTF8.self), name: String(decoding: parts[1], as: UTF8.self)
                )
            else { return nil }
            streams.append(stream)
        }
        // Also other brackets and quotes were taken off.
        guard streams.count == count, streams.first == scope, let written = encode(streams),
            written.utf8.elementsEqual(text)
        else { return nil }
        return streams
    }
}
