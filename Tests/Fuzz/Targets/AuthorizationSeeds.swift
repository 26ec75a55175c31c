@testable import Access

/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeAuthorization(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    writeSeeds(seeds)
}

private func seeds() -> [Seed] {
    func encoded(_ text: String) -> String { Base64URL.encoded(Array(text.utf8)) }
    let header = #"{"alg":"ES256","kid":"e","typ":"JWT"}"#
    let claims =
        #"{"iss":"i","aud":["a","b"],"sub":"s","exp":1800000100,"nbf":1800000000.5,"iat":1.8e9,"#
        + #""daybook_role":"teller","daybook_accounts":"x*","z":{"y":[1,null]}}"#
    let texts: [(UInt8, [String])] = [
        (0, ["Bearer dbk_a-._~+/9==", "bearer  a", "Basic YTpi", "Bearer a\nBearer a", "Bearer ", "Bearer a,b", ""]),
        (
            1,
            [
                encoded(header) + "." + encoded(claims) + ".AQ",
                encoded(#"{"alg":"EdDSA"}"#) + "." + encoded(claims) + ".AQ",
                encoded(#"{"alg":"none"}"#) + "." + encoded(claims) + ".", "..", "a.b.c",
            ]
        ),
        (
            2,
            [
                header, #"{"alg":"none"}"#, #"{"alg":"RS256","crit":["exp"]}"#, #"{"alg":"EdDSA","jwk":{"kty":"EC"}}"#,
                #"{"alg":"HS256","alg":"ES256"}"#, #"{"alg":"ES256","typ":"at+jwt","x5t":"a"}"#,
            ]
        ),
        (
            3,
            [
                claims, #"{"iss":"i","aud":"a","sub":"s","exp":1e11,"daybook_role":"reader"}"#,
                #"{"exp":-1,"exp":9e99}"#,
            ]
        ),
        (
            4,
            [
                #"{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","kid":"e","use":"sig","alg":"ES256"},"#
                    + #"{"kty":"OKP","crv":"Ed25519","x":"AAAA","key_ops":["verify"]}]}"#,
                #"{"keys":[{"kty":"RSA","n":"\#(String(repeating: "q", count: 400))","e":"AQAB"}],"x":[]}"#,
                #"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, #"{"keys":[]}"#,
            ]
        ),
        (5, ["AAAA", "AA", "_-8", "A", "AAB"]),
    ]
    return texts.flatMap { trial, texts in
        texts.enumerated().map { index, text in Seed("\(trial)-\(index)", trial, [], text) }
    }
}
