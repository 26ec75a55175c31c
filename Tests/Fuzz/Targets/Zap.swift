@testable import ZeroMQ

/// What libzmq asks about peers that shake hands, and what peers prove.
private let trials: [Trial] = [handshake, key]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzZap(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

/// The key that is admitted.
private let known = [UInt8](repeating: 7, count: CurvePublicKey.byteCount)

/// Frames, each behind its length in two bytes.
private func handshake(_ input: [UInt8]) {
    var source = Source(input)
    var frames: [[UInt8]] = []
    while !source.isEmpty, frames.count < 16 { frames.append(source.sized()) }
    guard let request = HandshakeRequest(frames) else { return }
    check(frames.count >= 8, "a question has eight frames at least")
    let keyed = Admission(.holders(of: Set([CurvePublicKey(bytes: known)].compactMap(\.self))))
    let isKnown = request.mechanism == "CURVE" && request.credentials == [known]
    check((keyed.decide(request) != .refused) == isKnown, "who proves the key is admitted, and nobody else")
    check(Admission(.holders(of: [])).decide(request) == .refused, "of no keys none is admitted")
    let isOpen = Admission().decide(request) != .refused
    check(isOpen == (request.mechanism == "NULL"), "without keys those are admitted that have none")
    var limited = keyed
    limited.handshakesOfPeer = Admission.HandshakeRate(atOnce: 1, perSecond: 1)
    var rates = HandshakeRates()
    let start = ContinuousClock.now
    let verdicts = (0..<3).map { _ in rates.limit(limited.decide(request), of: request, limited, at: start) }
    check(verdicts.allSatisfy { ($0 == .refused) == !isKnown }, "a rate admits and refuses nobody")
    check(rates.refused == (isKnown ? 2 : 0), "a rate lets as many through as it says")
    for verdict in [.refused, .busy, keyed.decide(request)] as [Admission.Verdict] {
        let answer = request.answer(verdict)
        check(answer.count == 8 && Array(answer.prefix(4)) == request.envelope, "an answer goes to who asked")
        let isAdmitting = answer[4] == Array("200".utf8)
        if case .admitted(let user) = verdict {
            check(isAdmitting && answer[6] == Array(user.utf8), "it names who was admitted")
        } else {
            check(!isAdmitting && answer[6].isEmpty, "it names nobody else")
        }
    }
}

/// A key's text, or its bytes.
private func key(_ input: [UInt8]) {
    if let key = CurvePublicKey(characters: input) {
        check(Array(key.description.utf8) == input, "a key has one text")
        check(CurvePublicKey(bytes: key.bytes) == key, "a key is its bytes")
    }
    if let key = CurvePublicKey(bytes: input) {
        check(key.bytes == input && CurvePublicKey(key.description) == key, "bytes are read as they were written")
    }
    for start in stride(from: 0, to: max(0, input.count - 4), by: 5) {
        let characters = input[start..<(start + 5)]
        if let word = Z85.word(characters) { check(Z85.characters(word) == Array(characters), "a word has one text") }
    }
}
