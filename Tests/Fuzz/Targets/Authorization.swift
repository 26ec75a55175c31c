import Dispatch
import EventSourcing
import JSON

@testable import Access

/// What a client shows: the `Authorization` field, and the parts of JSON Web Tokens; and the keys of those.
private let trials: [Trial] = [field, webToken, header, claims, keys, base64URL]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAuthorization(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

private let issuer = "i"
private let audience = "a"
private let now: Int64 = 1_800_000_000

// Its value is written before a semaphore is signalled, and read after that.
private final class Box<Value: Sendable>: @unchecked Sendable { var value: Value? }

/// What an asynchronous function returns: fuzzers are not.
private func waited<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let box = Box<Value>()
    let isDone = DispatchSemaphore(value: 0)
    Task {
        box.value = await body()
        isDone.signal()
    }
    isDone.wait()
    guard let value = box.value else { fatalError("nothing was returned") }
    return value
}

private let keySet: WebKeySet = {
    let keys = [
        #"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","kid":"e"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
    ]
    guard let set = keySet(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8) else { fatalError("no keys") }
    return set
}()

/// A set of keys; nil if it is refused.
private func keySet(_ bytes: some Sequence<UInt8>) -> WebKeySet? {
    let bytes = Array(bytes)
    return waited {
        do throws(AccessError) {
            return try await WebKeySet(bytes)
        } catch {
            return nil
        }
    }
}

private func field(_ input: [UInt8]) {
    let fields = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    guard case .present(let token) = BearerToken(fields) else { return }
    check(fields.count == 1 && fields[0].hasSuffix(token), "a token is the end of the only field")
    check((1...BearerToken.maxLength).contains(token.utf8.count), "a token is bounded")
    check(token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") }, "a token is one word")
    check(BearerToken(["bearer \(token)"]) == .present(token), "a token is read as it was written")
}

private func webToken(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    let digest = Digest256(hashing: text)
    let read = value {
        try UnverifiedWebToken(text, digest: digest, keys: keySet, issuer: issuer, audience: audience, now: now)
    }
    guard let token = read else { return }
    check(token.claims.expires > now, "an expired token is refused")
    check(token.caller.actor.map(ActorName.isValid) == true, "an actor has a name")
    check(keySet.has(token.key.thumbprint), "a token is of a key that is known")
    _ = token.isSigned
}

private func header(_ input: [UInt8]) {
    guard let header = value({ try WebTokenHeader(input) }) else { return }
    if let key = keySet.key(of: header) {
        check(key.algorithm == header.algorithm, "a key verifies its own algorithm alone")
    }
}

private func claims(_ input: [UInt8]) {
    guard let claims = value({ try WebTokenClaims(input, issuer: issuer, audience: audience) }) else { return }
    check(claims.refusal(at: claims.expires) != nil, "a token is expired at its exp")
    check(ActorName.isValid(claims.actor) && claims.expires >= 0, "claims are within their bounds")
}

private func keys(_ input: [UInt8]) {
    guard let keys = keySet(input) else { return }
    check((1...WebKeySet.maxKeys).contains(keys.keys.count), "a set has a bounded number of keys")
    let ids = keys.keys.compactMap(\.id)
    check(Set(ids).count == ids.count, "a kid is there once")
}

private func base64URL(_ input: [UInt8]) {
    check(Base64URL.decoded(Base64URL.encoded(input).utf8) == input, "bytes are read as they were written")
    guard let bytes = Base64URL.decoded(input) else { return }
    check(Array(Base64URL.encoded(bytes).utf8) == input, "bytes have one text")
}
