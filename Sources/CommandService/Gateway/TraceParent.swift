/// The header field `traceparent` of W3C Trace Context (section 3.2), so far as Daybook needs it.
struct TraceParent: Hashable, Sendable {
    /// How long version 00 is; later ones are at least as long.
    private static var length: Int { 55 }

    /// 32 hexadecimal digits, in small letters.
    let traceID: String

    /// Reads a field's value; nil if it is not valid: the standard has it ignored then.
    ///
    /// `VERSION-TRACEID-PARENTID-FLAGS` with 2, 32, 16 and 2 digits, all small. Neither id is zero. Later versions than 00 may
    /// go on after a dash; version ff is none.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= Self.length, let version = Self.digits(bytes[0..<2]), version != "ff",
            bytes.count == Self.length || (version != "00" && bytes[Self.length] == Self.dash),
            bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let traceID = Self.digits(bytes[3..<35]), let parentID = Self.digits(bytes[36..<52]),
            Self.digits(bytes[53..<55]) != nil,
            traceID.contains(where: { $0 != "0" }), parentID.contains(where: { $0 != "0" })
        else { return nil }
        self.traceID = traceID
    }

    private static var dash: UInt8 { UInt8(ascii: "-") }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> String? {
        let areDigits = bytes.allSatisfy {
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
        }
        return areDigits ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
