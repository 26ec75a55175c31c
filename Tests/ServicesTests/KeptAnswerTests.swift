import EventSourcing
import Testing

@testable import CommandService

@Suite struct KeptAnswerTests {
    private static let refusal = RecordedAnswer.refused(status: 404, body: Array("{}".utf8))

    private static let decision = UniqueID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

    /// What is kept is kept for ever, so its bytes never change.
    @Test(
        arguments: [
            (KeptAnswer(.obeyed, by: nil), [0]),
            (KeptAnswer(refusal, by: nil), [1, 0x01, 0x94, 0x7B, 0x7D]),
            (KeptAnswer(.obeyed, by: "ann"), [2, 0, 0, 0, 3, 0x61, 0x6E, 0x6E, 0]),
            (KeptAnswer(refusal, by: "é"), [2, 0, 0, 0, 2, 0xC3, 0xA9, 1, 0x01, 0x94, 0x7B, 0x7D]),
            (KeptAnswer(.obeyed, by: nil, decision: decision), [3] + Array(1...16) + [0]),
            (KeptAnswer(refusal, by: nil, decision: decision), [3] + Array(1...16) + [1, 0x01, 0x94, 0x7B, 0x7D]),
            (
                KeptAnswer(.obeyed, by: "ann", decision: decision),
                [3] + Array(1...16) + [2, 0, 0, 0, 3, 0x61, 0x6E, 0x6E, 0]
            ),
        ] as [(KeptAnswer, [UInt8])])
    func `an answer has these bytes`(kept: KeptAnswer, bytes: [UInt8]) {
        #expect(kept.encoded == bytes)
        #expect(KeptAnswer(bytes) == kept)
    }

    @Test(arguments: [1, 300, 5000]) func `a name of any length is read back`(length: Int) {
        let kept = KeptAnswer(Self.refusal, by: String(repeating: "x", count: length))
        #expect(KeptAnswer(kept.encoded) == kept)
    }

    @Test(
        arguments: [
            [], [2], [2, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [2, 0, 0, 0, 1, 0x61], [2, 0, 0, 0, 2, 0x61, 0],
            [2, 0xFF, 0xFF, 0xFF, 0xFF, 0x61, 0], [2, 0, 0, 0, 1, 0xFF, 0],
            [2, 0, 0, 0, 1, 0x61, 2, 0, 0, 0, 1, 0x61, 0],
            [2, 0, 0, 0, 1, 0x61, 0, 0], [3, 0], [3] + Array(1...15), [3] + Array(1...16), [3] + Array(1...16) + [2],
            [3] + Array(1...16) + [3] + Array(1...16) + [0], [4],
        ] as [[UInt8]])
    func `other bytes are no answer`(bytes: [UInt8]) {
        #expect(KeptAnswer(bytes) == nil)
    }
}
