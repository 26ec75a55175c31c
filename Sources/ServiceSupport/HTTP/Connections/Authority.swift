/// A host with an optional port, as `Host` has it (RFC 9110, section 7.2).
struct Authority {
    /// In lower case, an IPv6 address without its brackets, a name without the dot at its end.
    let host: String
    /// As it is written; nil if there is none.
    let port: UInt16?

    /// Reads an authority; nil for anything else.
    init?(_ text: some StringProtocol) {
        var host = text[...]
        var port: UInt16?
        // A colon within brackets is part of an IPv6 address.
        if let colon = text.lastIndex(of: ":"), text[colon...].firstIndex(of: "]") == nil {
            host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            if !digits.isEmpty {
                guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                    let number = UInt16(digits)
                else { return nil }
                port = number
            }
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard !host.isEmpty, host.utf8.allSatisfy(Self.isOfAddress) else { return nil }
        } else {
            guard host.utf8.allSatisfy(Self.isOfName) else { return nil }
            if host.hasSuffix(".") { host = host.dropLast() }
        }
        self.host = host.lowercased()
        self.port = port
    }

    /// Letters, digits and what else names and IPv4 addresses have.
    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
