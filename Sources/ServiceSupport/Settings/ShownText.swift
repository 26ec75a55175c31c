internal import SecureFiles

/// A setting's text as it may be shown: without what is a secret, or part of one.
enum ShownText {
    /// The text, or what is left of it: of a connection string neither user and password nor parameters.
    static func of(_ text: String) -> String {
        if let scheme = text.firstRange(of: "://") {
            let name = text[..<scheme.lowerBound].split(separator: "=").last ?? ""
            // No key in Z85 begins like an address.
            let isAddress = name.count >= 3 && name.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }
            if !isAddress, SecretText.isLikely(text) { return SecretText.mask }
            return withoutCredentials(text, after: scheme.upperBound)
        }
        // Keywords and values of libpq's, which no setting takes, so that somebody may have tried.
        return text.lowercased().contains("password") ? SecretText.mask : SecretText.shown(text)
    }

    private static func withoutCredentials(_ text: String, after start: String.Index) -> String {
        let rest = text[start...]
        let place = rest.prefix { $0 != "?" }
        let parameters = place.count < rest.count ? "?…" : ""
        // A question mark may be part of a password that is not written as it should be.
        if rest.dropFirst(place.count).contains("@") { return text[..<start] + "…" }
        guard let end = place.lastIndex(of: "@") else { return text[..<start] + place + parameters }
        return text[..<start] + "…@" + place[place.index(after: end)...] + parameters
    }
}
