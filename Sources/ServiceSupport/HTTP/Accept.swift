/// The media ranges that a client accepts: the header field `Accept` (RFC 9110, section 12.5.1).
struct Accept: Hashable, Sendable {
    private struct Range: Hashable {
        let mediaType: MediaType
        /// The weight, in thousandths.
        let weight: Int

        /// How exactly the range names a media type: 0 for `*/*`, 1 for `text/*`, 2 for `text/plain`, and one more for
        /// each parameter; nil if it does not match.
        func specificity(for offered: MediaType) -> Int? {
            let wanted = mediaType.parameters.allSatisfy { parameter in
                offered.values(of: parameter.name).contains(parameter.value.lowercased())
            }
            guard wanted else { return nil }
            if mediaType.essence == offered.essence { return 2 + mediaType.parameters.count }
            guard mediaType.essence.hasSuffix("/*") else { return nil }
            if mediaType.essence == "*/*" { return 0 }
            return offered.essence.hasPrefix(mediaType.essence.dropLast()) ? 1 : nil
        }
    }

    /// More than a client can mean: browsers send fewer than ten ranges.
    private static let maxRanges = 64
    private static let maxBytes = 8 << 10

    private var ranges: [Range] = []

    /// Reads the ranges; one that is malformed is passed over, as one that names nothing. A field with more than 64
    /// members or 8 KiB counts as if it were absent, so that reading it takes little time.
    init(_ text: String) {
        guard text.utf8.count <= Self.maxBytes else { return }
        var reader = FieldValueReader(text)
        var members = 0
        while !reader.isAtEnd {
            members += 1
            guard members <= Self.maxRanges else {
                ranges = []
                return
            }
            reader.skipWhiteSpace()
            if let mediaType = MediaType(from: &reader) {
                reader.skipWhiteSpace()
                if reader.isAtEnd || reader.take(",") {
                    if let range = Self.range(mediaType) { ranges.append(range) }
                    continue
                }
            }
            reader.skipMember()
            _ = reader.take(",")
        }
    }

    /// The media type that fits best; nil if none is acceptable.
    ///
    /// Of several with the same weight it is the one that is named most exactly, and then the one that is offered first.
    func best(of offers: [MediaType]) -> MediaType? {
        var best: (offer: MediaType, rank: (Int, Int))?
        for offer in offers {
            guard let rank = rank(of: offer), rank.0 > 0, rank > best?.rank ?? (0, 0) else { continue }
            best = (offer, rank)
        }
        return best?.offer
    }

    /// The weight and the specificity of the range that names a media type most exactly: the others do not count.
    private func rank(of offer: MediaType) -> (weight: Int, specificity: Int)? {
        var found: (weight: Int, specificity: Int)?
        for range in ranges {
            guard let specificity = range.specificity(for: offer), specificity > found?.specificity ?? -1 else {
                continue
            }
            found = (range.weight, specificity)
        }
        return found
    }

    /// Parameters up to `q` belong to the media range, those after it were extensions that no longer mean anything.
    private static func range(_ mediaType: MediaType) -> Range? {
        guard let place = mediaType.parameters.firstIndex(where: { $0.name == "q" }) else {
            return Range(mediaType: mediaType, weight: 1000)
        }
        guard let weight = weight(mediaType.parameters[place].value) else { return nil }
        let own = MediaType(essence: mediaType.essence, parameters: Array(mediaType.parameters[..<place]))
        return Range(mediaType: own, weight: weight)
    }

    /// A weight in thousandths: `0` to `1` with at most three digits after the point (section 12.4.2); nil for anything
    /// else.
    private static func weight(_ text: String) -> Int? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.count == 2 ? parts[1] : ""
        guard parts[0] == "0" || parts[0] == "1", digits.utf8.count <= 3,
            digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let thousandths = Int(digits + String(repeating: "0", count: 3 - digits.utf8.count))
        else { return nil }
        let weight = (parts[0] == "1" ? 1000 : 0) + thousandths
        return weight <= 1000 ? weight : nil
    }
}

extension MediaType {
    init(essence: String, parameters: [Parameter] = []) {
        self.essence = essence
        self.parameters = parameters
    }
}
