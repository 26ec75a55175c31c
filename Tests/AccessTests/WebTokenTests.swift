import Access
import Crypto
import CryptoExtras
import Foundation
import SecureFiles
import TestSupport
import Testing

@Suite struct WebTokenTests {
    private let stage = Stage()
    private let issuer = WebTokenIssuer()

    private var claims: Claims { Claims(now: stage.clock.seconds) }

    private func control(_ keys: String? = nil) async throws -> AccessControl {
        try stage.write(keys ?? issuer.keys, to: stage.keysPath)
        return try await stage.control(keys: true)
    }

    @Test(arguments: WebTokenIssuer.Kind.allCases)
    func `a good token makes its holder known, at first and from then on`(_ kind: WebTokenIssuer.Kind) async throws {
        let control = try await control()
        let token = issuer.token(kind, claims: claims.with("daybook_accounts", "\"till-*\"").text)
        guard case .unverified = control.identity(presenting: .init(authorization: ["Bearer \(token)"])) else {
            Issue.record("the signature is not verified while others wait")
            return
        }
        let caller = try #require(await control.caller(of: token))
        #expect(caller.actor == "alice")
        #expect(caller.standing == .role(.teller))
        #expect(caller.reach == .prefix("till-"))
        #expect(control.stillHolds(caller))
        // Verified once.
        #expect(control.identity(presenting: .init(authorization: ["Bearer \(token)"])).caller == caller)
        stage.clock.advance(seconds: 99)
        #expect(control.identity(presenting: .init(authorization: ["Bearer \(token)"])).caller == caller)
        stage.clock.advance(seconds: 1)
        #expect(
            control.identity(presenting: .init(authorization: ["Bearer \(token)"])).reason == "the token is expired")
        #expect(!control.stillHolds(caller))
    }

    @Test func `what a token may say otherwise`() async throws {
        let control = try await control()
        let now = stage.clock.seconds
        for claims in [
            claims.with("aud", #"["other","daybook"]"#), claims.without("iat"), claims.with("exp", "\(now + 1).5"),
            claims.with("exp", "1e11"), claims.with("nbf", "\(now)"), claims.with("nbf", "\(now + 5)"),
            claims.adding("scope", #"{"a":[1,{"b":null}]}"#), claims.with("sub", #""auth0|0123""#),
        ] {
            #expect(await control.caller(of: issuer.token(.ec, claims: claims.text)) != nil, "\(claims.text)")
        }
        for header in [
            #"{"alg":"ES256","kid":"ES256"}"#, #"{"alg":"ES256","kid":"ES256","typ":"at+JWT","x5t":"abc"}"#,
            #"{"alg":"ES256"}"#,
        ] {
            #expect(
                await control.caller(of: issuer.token(.ec, header: header, claims: claims.text)) != nil, "\(header)")
        }
        let all = await control.caller(of: issuer.token(.ec, claims: claims.text))
        #expect(all?.reach == .all)
    }

    @Test(
        arguments: [
            ("exp", nil), ("exp", "NOW"), ("exp", "NOW-1"), ("exp", "\"NOW+100\""), ("exp", "-1"), ("exp", "1e300"),
            ("exp", "null"), ("exp", "253402300800"), ("nbf", "NOW+6"), ("nbf", "NOW+5.1"), ("iat", "NOW+6"),
            ("iat", "\"x\""), ("iss", nil), ("iss", "\"https://issuer.example/\""), ("iss", "\"\""), ("iss", "null"),
            ("iss", "[\"https://issuer.example\"]"), ("aud", nil), ("aud", "\"other\""), ("aud", "[]"),
            ("aud", "[\"other\"]"), ("aud", "[\"daybook\",1]"), ("aud", "\"Daybook\""), ("aud", "{\"daybook\":1}"),
            ("sub", nil), ("sub", "\"\""), ("sub", "\"a b\""), ("sub", "\"ä\""), ("sub", "\"LONG\""), ("sub", "1"),
            ("daybook_role", nil), ("daybook_role", "\"admin\""), ("daybook_role", "[\"teller\"]"),
            ("daybook_role", "\"Teller\""), ("daybook_accounts", "\"\""), ("daybook_accounts", "\"a*b\""),
            ("daybook_accounts", "null"), ("daybook_accounts", "[\"a\"]"),
        ] as [(String, String?)])
    func `a claim that is missing or wrong`(_ name: String, _ value: String?) async throws {
        let control = try await control()
        let now = stage.clock.seconds
        let text = value.map {
            $0.replacing("NOW+100", with: "\(now + 100)").replacing("NOW+5", with: "\(now + 5)")
                .replacing("NOW+6", with: "\(now + 6)").replacing("NOW-1", with: "\(now - 1)")
                .replacing("NOW", with: "\(now)").replacing("LONG", with: String(repeating: "a", count: 129))
        }
        let changed = text.map { claims.with(name, $0) } ?? claims.without(name)
        let token = issuer.token(.ec, claims: changed.text)
        let reason = await control.refusal(of: token)
        #expect(!reason.isEmpty && !reason.contains(token), "\(changed.text)")
    }

    @Test(arguments: ["exp", "iss", "aud", "sub", "daybook_role", "nonce"])
    func `a claim that is there twice is refused, the same one too`(_ name: String) async throws {
        let control = try await control()
        var twice = claims.with("nonce", "1")
        let values = [
            "exp": "\(stage.clock.seconds + 100)", "iss": "\"\(Stage.issuer)\"", "aud": "\"daybook\"",
            "sub": "\"alice\"", "daybook_role": "\"teller\"", "nonce": "1",
        ]
        twice = twice.adding(name, try #require(values[name]))
        #expect(await !control.refusal(of: issuer.token(.ec, claims: twice.text)).isEmpty)
    }

    @Test(arguments: [
        #"{"alg":"none","kid":"ES256"}"#, #"{"alg":"None","kid":"ES256"}"#, #"{"alg":"nOnE"}"#, #"{"kid":"ES256"}"#,
        #"{"alg":"HS256","kid":"ES256"}"#, #"{"alg":"es256","kid":"ES256"}"#, #"{"alg":"ES384","kid":"ES256"}"#,
        #"{"alg":"PS256","kid":"RS256"}"#, #"{"alg":"RS256","kid":"ES256"}"#, #"{"alg":"ES256","kid":"RS256"}"#,
        #"{"alg":"EdDSA","kid":"ES256"}"#, #"{"alg":"ES256","kid":"unknown"}"#, #"{"alg":"ES256","kid":""}"#,
        #"{"alg":"ES256","kid":null}"#, #"{"alg":"ES256","kid":1}"#, #"{"alg":["ES256"],"kid":"ES256"}"#,
        #"{"alg":"ES256","alg":"ES256","kid":"ES256"}"#, #"{"alg":"ES256","kid":"ES256","kid":"ES256"}"#,
        #"{"alg":"ES256","kid":"ES256","crit":["exp"]}"#, #"{"alg":"ES256","kid":"ES256","crit":[]}"#,
        #"{"alg":"ES256","kid":"ES256","b64":false,"crit":["b64"]}"#,
        #"{"alg":"ES256","kid":"ES256","jku":"http://127.0.0.1:1/keys"}"#,
        #"{"alg":"ES256","kid":"ES256","x5u":"http://127.0.0.1:1/chain"}"#,
        #"{"alg":"ES256","kid":"ES256","jwk":{"kty":"EC"}}"#, #"{"alg":"ES256","kid":"ES256","x5c":["abc"]}"#,
        #"{"alg":"ES256","kid":"ES256","typ":"dpop+jwt"}"#, #"{"alg":"ES256","kid":"ES256"} "# + "x", "[]", "", "{",
    ])
    func `a header that is not right is refused, though the signature is`(_ header: String) async throws {
        let control = try await control()
        let reason = await control.refusal(of: issuer.token(.ec, header: header, claims: claims.text))
        #expect(!reason.isEmpty)
    }

    @Test func `a public key is no shared secret: HS256 with it is refused`() async throws {
        let keys = issuer.keys
        let control = try await control(keys)
        let pem = WebTokenIssuer.rsa.publicKey.pemRepresentation
        for secret in [
            Data(pem.utf8), WebTokenIssuer.rsa.publicKey.derRepresentation, issuer.ec.publicKey.x963Representation,
            Data(keys.utf8),
        ] {
            for id in ["RS256", "ES256"] {
                let signed =
                    WebTokenIssuer.encoded(#"{"alg":"HS256","kid":"\#(id)"}"#) + "."
                    + WebTokenIssuer.encoded(claims.text)
                let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
                #expect(await !control.refusal(of: signed + "." + WebTokenIssuer.encoded(Data(code))).isEmpty)
            }
        }
    }

    @Test func `a signature that is missing, altered, another's or of another form is refused`() async throws {
        let control = try await control()
        let good = issuer.token(.ec, claims: claims.text)
        let parts = good.split(separator: ".").map(String.init)
        let signature = issuer.signature(.ec, of: parts[0] + "." + parts[1])
        let other = WebTokenIssuer().token(.ec, claims: claims.text)
        let der = WebTokenIssuer.encoded(
            try issuer.ec.signature(for: Data((parts[0] + "." + parts[1]).utf8)).derRepresentation)
        let zeros = WebTokenIssuer.encoded(Data(count: 64))
        for token in [
            "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])", "\(parts[0])..\(signature)", "..", ".", "...",
            "\(parts[0]).\(parts[1]).\(signature).", "\(parts[0]).\(parts[1]).\(signature).\(signature)",
            "\(parts[0]).\(parts[1]).\(signature)=", "\(parts[0])=.\(parts[1]).\(signature)",
            "\(parts[0]).\(parts[1]).\(signature.dropLast(2))", "\(parts[0]).\(parts[1]).\(signature)AA",
            "\(parts[0]).\(parts[1]).\(der)", "\(parts[0]).\(parts[1]).\(zeros)", other,
            "\(parts[0]).\(WebTokenIssuer.encoded(claims.with("daybook_role", "\"manager\"").text)).\(signature)",
            "\(parts[0]).\(parts[1]).\(signature.replacing("A", with: "+"))/",
        ] {
            #expect(await !control.refusal(of: token).isEmpty, "\(token)")
        }
        #expect(await control.caller(of: good) != nil)
    }

    @Test func `a token without a key's id means the only key of its algorithm`() async throws {
        let header = #"{"alg":"ES256"}"#
        let one = try await control(WebTokenIssuer.set([issuer.key(.ec), issuer.key(.rsa, id: "r")]))
        #expect(await one.caller(of: issuer.token(.ec, header: header, claims: claims.text)) != nil)
        let two = try await control(WebTokenIssuer.set([issuer.key(.ec, id: "a"), WebTokenIssuer().key(.ec, id: "b")]))
        #expect(await !two.refusal(of: issuer.token(.ec, header: header, claims: claims.text)).isEmpty)
        let named = issuer.token(.ec, header: #"{"alg":"ES256","kid":"a"}"#, claims: claims.text)
        #expect(await two.caller(of: named) != nil)
        // The other key's id: no other key is tried.
        let wrong = issuer.token(.ec, header: #"{"alg":"ES256","kid":"b"}"#, claims: claims.text)
        #expect(await two.refusal(of: wrong) == "the token's signature is wrong")
    }

    @Test func `a token is bounded to 8 KiB`() async throws {
        let control = try await control()
        let long = issuer.token(.ec, claims: claims.with("x", "\"\(String(repeating: "a", count: 6200))\"").text)
        #expect(long.utf8.count > 8192)
        #expect(await !control.refusal(of: long).isEmpty)
        let shorter = issuer.token(.ec, claims: claims.with("x", "\"\(String(repeating: "a", count: 5500))\"").text)
        #expect(await control.caller(of: shorter) != nil)
    }

    @Test func `a key that is gone or changed ends what it signed`() async throws {
        let control = try await control()
        let ec = issuer.token(.ec, claims: claims.text)
        let ed = issuer.token(.ed, claims: claims.text)
        let ecCaller = try #require(await control.caller(of: ec))
        let edCaller = try #require(await control.caller(of: ed))
        guard
            case .unverified(let early) = control.identity(
                presenting: .init(authorization: ["Bearer \(issuer.token(.ec, claims: claims.with("jti", "1").text))"]))
        else {
            Issue.record("not verified yet")
            return
        }
        // Another key under the same id, the other one as it was.
        try stage.write(
            WebTokenIssuer.set([WebTokenIssuer().key(.ec, id: "ES256"), issuer.key(.ed, id: "EdDSA")]),
            to: stage.keysPath)
        await control.look()
        #expect(!control.stillHolds(ecCaller))
        #expect(control.stillHolds(edCaller))
        #expect(await control.refusal(of: ec) == "the token's signature is wrong")
        #expect(control.identity(presenting: .init(authorization: ["Bearer \(ed)"])).caller == edCaller)
        #expect(await control.identity(verifying: early).reason == "the token's key is not known any more")
        // Broken or removed: what was read before stays in force.
        try stage.write("{}", to: stage.keysPath)
        await control.look()
        #expect(control.stillHolds(edCaller))
        #expect(control.warnings.count == 1)
        try FileManager.default.removeItem(atPath: stage.keysPath)
        await control.look()
        #expect(control.stillHolds(edCaller))
        #expect(control.warnings.count == 1)
    }

    @Test func `tokens of both kinds work side by side`() async throws {
        try stage.write(issuer.keys, to: stage.keysPath)
        let plain = TokenText.make()
        let dotted = "a.b.c"
        try stage.writeTokens(
            TokenEntry(name: "till-3", role: .reader, digest: TokenText.digest(of: plain)),
            TokenEntry(name: "dotted", role: .reader, digest: TokenText.digest(of: dotted)))
        let control = try await stage.control(tokens: true, keys: true)
        #expect(await control.caller(of: plain)?.actor == "till-3")
        #expect(await control.caller(of: dotted)?.actor == "dotted")
        #expect(await control.caller(of: issuer.token(.ed, claims: claims.text))?.actor == "alice")
        #expect(await control.refusal(of: TokenText.make()) == "the token is not known")
        let tokensOnly = try await stage.control(tokens: true)
        #expect(await tokensOnly.refusal(of: issuer.token(.ed, claims: claims.text)) == "the token is not known")
    }

    @Test func `many verifications at once are all answered`() async throws {
        let control = try await control()
        let tokens = (0..<500).map { issuer.token(.ed, claims: claims.with("jti", "\($0)").text) }
        let answered = await withTaskGroup(of: Bool.self) { group in
            for token in tokens { group.addTask { await control.caller(of: token) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 500)
    }
}
