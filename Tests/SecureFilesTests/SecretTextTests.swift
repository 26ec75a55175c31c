import SecureFiles
import Testing

@Suite struct SecretTextTests {
    @Test(arguments: [
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
        "4f1c6a8e2b7d9035c1e4f7a8b6d2039e4f1c6a8e2b7d9035c1e4f7a8b6d2039e",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWo", "-----BEGIN PRIVATE KEY-----",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", #"{"name":"till-3","sha256":"…"}"#,
    ]) func `a secret is not shown`(text: String) {
        #expect(SecretText.shown(text) == SecretText.mask)
    }

    @Test(arguments: [
        "", "none", "data/snapshot.key", "/etc/daybook/peers", "tcp://127.0.0.1:5570", "sqlite:data/daybook.db",
        "/var/lib/daybook/some/rather/long/folder/of/somebody/tokens.jsonl", "data/keyJar.json",
        "127.0.0.1:8080", "a-very-long-name-without-any-dots-in-it-at-all",
    ]) func `a path or an address is shown`(text: String) {
        #expect(SecretText.shown(text) == text)
    }

    @Test func `a key in the place of its file's path is not in the error`() {
        let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
        let error = #expect(throws: SecureFileError.self) {
            try SecureFile.read(key, maxBytes: 100, demanding: .secret)
        }
        #expect(error?.description.contains("rq:rM") == false)
    }
}
