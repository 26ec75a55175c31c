import Access
import CryptoExtras
import Foundation
import Testing

@Suite struct WebKeySetTests {
    private let stage = Stage()
    private let issuer = WebTokenIssuer()

    private func control(_ keys: String) async throws -> AccessControl {
        try stage.write(keys, to: stage.keysPath)
        return try await stage.control(keys: true)
    }

    private func token(_ kind: WebTokenIssuer.Kind, _ id: String) -> String {
        issuer.token(
            kind, header: #"{"alg":"\#(kind.rawValue)","kid":"\#(id)"}"#, claims: Claims(now: stage.clock.seconds).text)
    }

    @Test func `keys for something else are passed over`() async throws {
        let control = try await control(
            WebTokenIssuer.set([
                issuer.key(.rsa, id: "enc", further: #","use":"enc","alg":"RSA-OAEP""#),
                issuer.key(.rsa, id: "ps", further: #","use":"sig","alg":"PS256""#),
                issuer.key(.ec, id: "sign", further: #","key_ops":["sign"]"#),
                #"{"kty":"EC","crv":"P-384","x":"AA","y":"AA","kid":"p384"}"#,
                #"{"kty":"OKP","crv":"X25519","x":"AA","kid":"x"}"#, #"{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"}"#,
                issuer.key(
                    .ed, id: "good",
                    further: #","use":"sig","alg":"EdDSA","key_ops":["verify"],"x5c":["AA"],"oth":[{"a":1}]"#),
                issuer.key(.ec, id: "fine", further: #","alg":"ES256","x5t#S256":"AA""#),
            ]))
        #expect(await control.caller(of: token(.ed, "good")) != nil)
        #expect(await control.caller(of: token(.ec, "fine")) != nil)
        #expect(await !control.refusal(of: token(.rsa, "enc")).isEmpty)
        #expect(await !control.refusal(of: token(.rsa, "ps")).isEmpty)
        #expect(await !control.refusal(of: token(.ec, "sign")).isEmpty)
    }

    @Test func `sets that hold what they must not are refused with the key's number`() async throws {
        let good = issuer.key(.ed, id: "good")
        let smallKey = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1024)).publicKey.getKeyPrimitives()
        let small =
            #"{"kty":"RSA","n":"\#(WebTokenIssuer.encoded(smallKey.modulus))","e":"AQAB"}"#
        let padded =
            #"{"kty":"RSA","n":"\#(WebTokenIssuer.encoded(Data(count: 200) + smallKey.modulus))","e":"AQAB"}"#
        let huge = #"{"kty":"RSA","n":"\#(WebTokenIssuer.encoded(Data(repeating: 0xFF, count: 1025)))","e":"AQAB"}"#
        let wrong = [
            #"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#, #"{"kty":"oct","k":"c2VjcmV0","alg":"RS256","kid":"x"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
            #"{"kty":"OKP","crv":"Ed25519"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"A A"}"#,
            #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            #"{"kty":"EC","crv":"P-256","x":"\#(String(repeating: "A", count: 43))","y":"\#(String(repeating: "A", count: 43))"}"#,
            #"{"crv":"P-256"}"#, small, padded, huge, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, good,
            issuer.key(.rsa, further: #","d":"AA""#),
        ]
        let modulus = WebTokenIssuer.encoded(try WebTokenIssuer.rsa.publicKey.getKeyPrimitives().modulus)
        let exponents = ["AQ", "AAAB", "Ag", "AA", "AQABAQABAQABAQAB"]
        for key in wrong + exponents.map({ #"{"kty":"RSA","n":"\#(modulus)","e":"\#($0)"}"# }) {
            let error = await #expect(throws: AccessError.self, "\(key)") {
                _ = try await control(WebTokenIssuer.set([good, key]))
            }
            #expect(
                error?.description.contains("ACCESS_JWKS") == true && error?.description.contains("key 2") == true,
                "\(key): \(String(describing: error))")
        }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"keys":{}}"#, #"{"keys":[]}"#, #"{"keys":[1]}"#, #"{"keys":[],"keys":[]}"#,
        #"{"keys":[{"kty":"AKP"}]}"#, #"{"keys":[{"kty":"OKP","kty":"OKP"}]}"#, #"{"keys":[{"kty":1}]}"#, "x",
    ])
    func `what is no set with a key that can be used is refused`(_ text: String) async throws {
        await #expect(throws: AccessError.self) { _ = try await control(text) }
    }

    @Test func `the number of keys is bounded`() async throws {
        let keys = (0...100).map { #"{"kty":"AKP","kid":"\#($0)"}"# }
        let error = await #expect(throws: AccessError.self) { _ = try await control(WebTokenIssuer.set(keys)) }
        #expect(error?.description.contains("100") == true)
    }
}
