public import EventSourcing

/// The tokens that `daybook token new` makes: 256 random bits as text.
public enum TokenText {
    /// What they begin with, so that they are recognized if they stand where they must not.
    public static let prefix = "dbk_"

    /// A new token, from the system's random numbers.
    public static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return prefix + Base64URL.encoded((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// What is kept of a token.
    public static func digest(of text: String) -> Digest256 { Digest256(hashing: text) }
}
