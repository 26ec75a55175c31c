import JSON
import Testing

/// Nesting is bounded, and no document however deep ends the process.
@Suite struct DepthTests {
    static func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
        Array((String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)).utf8)
    }

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")])
    func `As many levels as allowed are read, one more is refused`(_ open: String, _ close: String) {
        let step = open.hasPrefix("[{") ? 2 : 1
        for limit in [step, 64, 512] {
            let deepest = Self.nested(limit / step, open, close)
            let tooDeep = Self.nested(limit / step + 1, open, close)
            #expect(readingError(deepest, maximumDepth: limit) == nil)
            #expect(readingError(tooDeep, maximumDepth: limit)?.code == .tooDeep)
            #expect(throws: Never.self) { try JSONReader.validate(deepest, maximumDepth: limit) }
            #expect(throws: JSONError.self) { try JSONReader.validate(tooDeep, maximumDepth: limit) }
        }
    }

    @Test(arguments: ["[", #"{"a":"#, #"[{"":"#, "[0,"])
    func `A hundred thousand openings are refused early`(_ open: String) {
        let bytes = Array(String(repeating: open, count: 100_000).utf8)
        for error in [readingError(bytes), validationError(bytes), readingError(bytes, maximumDepth: .max)] {
            #expect(error?.code == .tooDeep)
            #expect((error?.offset ?? .max) < 4096)
        }
    }

    @Test func `A limit out of bounds is brought within them`() {
        #expect(readingError(Self.nested(512, "[", "]"), maximumDepth: 1_000_000) == nil)
        #expect(readingError(Self.nested(513, "[", "]"), maximumDepth: 1_000_000)?.code == .tooDeep)
        #expect(readingError(Array("1".utf8), maximumDepth: -1) == nil)
        #expect(readingError(Array("[]".utf8), maximumDepth: -1)?.code == .tooDeep)
    }

    @Test func `What is skipped counts from where it stands`() throws {
        var reader = JSONReader(Array("[[[0]]]".utf8), maximumDepth: 2)
        #expect(throws: JSONError.self) {
            try reader.readArray { reader throws(JSONError) in try reader.skipValue() }
        }
    }

    @Test func `Siblings do not add up`() throws {
        let text = "[" + Array(repeating: "[[]]", count: 1000).joined(separator: ",") + "]"
        _ = try read(text, maximumDepth: 3)
        try JSONReader.validate(Array(text.utf8), maximumDepth: 3)
    }
}
