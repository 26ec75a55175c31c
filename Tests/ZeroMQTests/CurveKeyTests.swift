import Testing

@testable import ZeroMQ

@Suite("Keys of CURVE") struct CurveKeyTests {
    /// Of the examples in ZeroMQ RFC 32 and libzmq's tests.
    private let example = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    @Test func `the text of a key is Z85`() throws {
        #expect(Z85.word("Hello".utf8) == 0x864F_D26F && Z85.word("World".utf8) == 0xB559_F75B)
        #expect(Z85.characters(0x864F_D26F) == Array("Hello".utf8))
        let key = try #require(CurvePublicKey(example))
        #expect(key.description == example)
        #expect(key.bytes.prefix(4) == [0x54, 0xFC, 0xBA, 0x24])
        #expect(CurvePublicKey(bytes: key.bytes) == key)
        #expect(key.hashValue == CurvePublicKey(example)?.hashValue)
    }

    @Test(arguments: [
        "", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf77",
        // No digits of Z85, and more than four bytes can be.
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yé",
        "#####>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    ])
    func `a text that is none is refused`(_ text: String) {
        #expect(CurvePublicKey(text) == nil)
        #expect(CurveSecretKey(characters: Array(text.utf8)) == nil)
    }

    @Test func `bytes that are none are refused`() {
        #expect(CurvePublicKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(CurvePublicKey(bytes: [UInt8](repeating: 1, count: 33)) == nil)
        #expect(CurvePublicKey(bytes: [UInt8](repeating: 0xFF, count: 32))?.description.count == 40)
    }

    @Test func `a secret key gives its public key, and is not to be printed`() throws {
        // Of the example in libzmq's zmq_curve_public(3).
        let secret = try #require(CurveSecretKey(characters: Array("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".utf8)))
        #expect(secret.publicKey.description == "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID")
        var dumped = ""
        dump(secret, to: &dumped)
        let shown = ["\(secret)", String(reflecting: secret), dumped, "\([secret])"]
        for text in shown { #expect(!text.contains("D:)Q[") && text.contains("a secret key")) }
        let options = SocketSecurity.curveClient(secret, server: secret.publicKey)
        #expect(!"\(options)".contains("D:)Q["))
        #expect(secret.withCharacters { Array($0) } == Array("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".utf8))
    }

    @Test func `new keys are different ones`() throws {
        let (one, two) = (try CurveSecretKey.generate(), try CurveSecretKey.generate())
        #expect(one != two && one == one)
        #expect(one.publicKey != two.publicKey)
        let again = try #require(CurveSecretKey(characters: one.withCharacters { Array($0) }))
        #expect(again == one && again.publicKey == one.publicKey)
    }
}
