/// The topics of events, `CATEGORY/TYPE/STREAM/`, and what may be subscribed to.
public enum Topic {
    /// The longest category, type and stream name.
    private static let maxLengths = [32, 64, 128]

    /// Whether some event can have a topic that begins with `bytes`. (The heartbeat's topic looks like a category.)
    public static func isPrefix(_ bytes: some Collection<UInt8>) -> Bool {
        var segment = 0
        var length = 0
        for byte in bytes {
            guard segment < maxLengths.count else { return false }
            if byte == UInt8(ascii: "/") {
                guard length > 0 else { return false }
                segment += 1
                length = 0
            } else {
                length += 1
                guard length <= maxLengths[segment], isAllowed(byte) else { return false }
            }
        }
        return true
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "-"):
            true
        default:
            false
        }
    }
}
