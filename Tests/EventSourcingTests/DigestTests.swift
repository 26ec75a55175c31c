import EventSourcing
import TestSupport
import Testing

@Suite struct DigestTests {
    @Test func `SHA-256 is that of FIPS 180-4`() {
        #expect(
            Digest256(hashing: Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func `comes back from its hexadecimal digits, in either case`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            let digest = Digest256(generator.next(), generator.next(), generator.next(), generator.next())
            #expect(Digest256(hexadecimal: digest.description) == digest)
            #expect(Digest256(hexadecimal: digest.description.uppercased()) == digest)
            #expect(Digest256(digest.bytes) == digest)
        }
    }

    @Test func `other texts are refused`() {
        let digits = Digest256(1, 2, 3, 4).description
        for text in ["", String(digits.dropLast()), digits + "0", digits + "\n", " " + digits.dropLast()] {
            #expect(Digest256(hexadecimal: text) == nil, "\(text)")
        }
        for index in 0..<64 {
            for wrong in ["g", "G", "/", ":", "@", "`", "-", "\0"] {
                let text = digits.prefix(index) + wrong + digits.dropFirst(index + 1)
                #expect(Digest256(hexadecimal: text) == nil, "\(text)")
            }
        }
        // 64 bytes, of which two are one character.
        #expect(Digest256(hexadecimal: "ä" + digits.dropLast(2)) == nil)
    }
}
