import Access
import Foundation
import TestSupport
import Testing

@Suite struct Base64URLTests {
    @Test func `bytes are read as they were written, and written as Foundation does`() throws {
        var generator = SeededGenerator(seed: 1)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let text = Base64URL.encoded(bytes)
            #expect(text == WebTokenIssuer.encoded(bytes))
            #expect(Base64URL.decoded(text.utf8) == bytes)
        }
    }

    @Test(arguments: ["A", "AAAAA", "AB", "AAB", "AA=", "AA==", "A A", "AA\n", "+/", "ä", "AA.", "AAE"])
    func `a text that is not the one of its bytes is refused`(_ text: String) {
        if let bytes = Base64URL.decoded(text.utf8) {
            #expect(Base64URL.encoded(bytes) == text, "\(bytes)")
        } else {
            #expect(Base64URL.decoded(text.utf8) == nil)
        }
    }

    @Test(arguments: ["A", "AB", "AAB", "AA=", "+/AA", "AA AA"])
    func `these are refused`(_ text: String) { #expect(Base64URL.decoded(text.utf8) == nil) }
}
