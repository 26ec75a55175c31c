/// Texts that look like a secret itself, given where the path of a file with one was asked for: they are in no message.
public enum SecretText {
    /// What stands in a message in the place of a secret.
    public static let mask = "(what looks like a secret itself; name a file that holds it)"

    /// Characters of Z85 (ZeroMQ RFC 32) that hardly any path has.
    private static let rareInPaths = Set("!#$%&()*+:<=>?@[]^{}".utf8)

    /// The text as it may be shown: itself, or ``mask``.
    public static func shown(_ text: String) -> String { isLikely(text) ? mask : text }

    /// Whether a text is likely to be a secret: a CURVE key in Z85, a token or key in hexadecimal digits or base64, a JSON
    /// Web Token, or the content of a file of keys or tokens.
    public static func isLikely(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if text.contains("-----BEGIN") || text.hasPrefix("eyJ") || bytes.first == UInt8(ascii: "{") { return true }
        let isOneWord = bytes.allSatisfy { 0x21...0x7E ~= $0 }
        if 36...48 ~= bytes.count, isOneWord, bytes.contains(where: { rareInPaths.contains($0) }) { return true }
        let hasDigit = bytes.contains { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return bytes.count >= 40 && hasDigit && bytes.allSatisfy(isOfBase64)
    }

    private static func isOfBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "+"),
            UInt8(ascii: "="):
            true
        default:
            false
        }
    }
}
