/// Percent-encoding of URLs (RFC 3986, section 2.1).
///
/// Foundation does this too, at the price of loading its 40 MB of locale data into each service.
public enum PercentEncoding {
    /// The text with its `%XX` undone; nil where a `%` is not followed by two hexadecimal digits or the result is not
    /// UTF-8.
    public static func undone(_ text: some StringProtocol) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text with everything but `A-Z a-z 0-9 - . _ ~` percent-encoded, fit for any part of a URL.
    public static func applied(to text: some StringProtocol) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            switch scalar {
            case "A"..."Z", "a"..."z", "0"..."9", "-", ".", "_", "~":
                result.unicodeScalars.append(scalar)
            default:
                let hexadecimal = String(byte, radix: 16, uppercase: true)
                result += hexadecimal.count == 1 ? "%0\(hexadecimal)" : "%\(hexadecimal)"
            }
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
