import Testing

@testable import ZeroMQ

@Suite("Who is let in, and how fast") struct AdmissionTests {
    private func frames(_ mechanism: String, domain: String = "d") -> [[UInt8]] {
        [[0, 1, 2, 3, 4], []] + ["1.0", "7", domain, "127.0.0.1", "", mechanism].map { Array($0.utf8) }
    }

    @Test func aPeerWithTheMechanismNullIsAdmittedAndOthersAreNot() throws {
        let peer = try #require(HandshakeRequest(frames("NULL")))
        #expect(peer.domain == "d" && peer.address == "127.0.0.1" && peer.credentials.isEmpty)
        #expect(Admission().decide(peer) == .admitted(user: ""))
        let other = try #require(HandshakeRequest(frames("PLAIN") + [[1], [2]]))
        #expect(other.credentials == [[1], [2]])
        #expect(Admission().decide(other) == .refused)
        let answer = peer.answer(.admitted(user: "till-3"))
        #expect(answer.count == 8)
        #expect(answer[0...3] == [[0, 1, 2, 3, 4], [], Array("1.0".utf8), Array("7".utf8)])
        #expect(answer[4] == Array("200".utf8) && answer[6] == Array("till-3".utf8) && answer[7].isEmpty)
        #expect(peer.answer(.refused)[4] == Array("400".utf8))
    }

    @Test func whatIsNoQuestionOfZAPIsNotAnswered() {
        #expect(HandshakeRequest([]) == nil)
        #expect(HandshakeRequest(Array(frames("NULL").dropLast())) == nil)
        var other = frames("NULL")
        other[2] = Array("2.0".utf8)
        #expect(HandshakeRequest(other) == nil)
    }

    @Test func aBucketGivesWhatItHoldsAndFillsWithTime() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(capacity: 10, perSecond: 5)
        #expect(bucket.take(10, at: start) == true)
        #expect(bucket.take(at: start) == false)
        #expect(bucket.timeToNext(at: start) > .milliseconds(199))
        #expect(bucket.take(6, at: start + .seconds(1)) == false)
        #expect(bucket.take(5, at: start + .seconds(1)) == true)
        // Never more than it holds, and a clock that goes back gives nothing.
        #expect(bucket.take(11, at: start + .seconds(100)) == false)
        #expect(bucket.take(10, at: start + .seconds(100)) == true)
        #expect(bucket.take(at: start) == false)
    }

    @Test func handshakesBeyondTheRateWaitAndTheOldestAreForgotten() {
        var admission = Admission()
        admission.maxHandshakesPerSecond = 10
        admission.maxHandshakesAtOnce = 2
        var waiting = WaitingHandshakes(limit: 3, patience: .seconds(9))
        let start = ContinuousClock.now
        #expect(waiting.millisecondsToNext(at: start) == -1)
        for number in 0..<2 { waiting.add([[UInt8(number)]], in: "slow", admission, at: start) }
        #expect(waiting.next(at: start) == [[0]])
        #expect(waiting.next(at: start) == [[1]])
        for number in 2..<6 { waiting.add([[UInt8(number)]], in: "slow", admission, at: start) }
        #expect(waiting.next(at: start) == nil)
        #expect((90...110).contains(waiting.millisecondsToNext(at: start)))
        // Another domain does not wait for this one.
        waiting.add([[9]], in: "fast", Admission(), at: start)
        #expect(waiting.next(at: start) == [[9]])
        #expect(waiting.next(at: start + .milliseconds(101)) == [[3]])
        #expect(waiting.next(at: start + .milliseconds(102)) == nil)
        #expect(waiting.next(at: start + .seconds(1)) == [[4]])
        #expect(waiting.next(at: start + .seconds(1)) == [[5]])
        #expect(waiting.millisecondsToNext(at: start + .seconds(1)) == -1)
    }

    @Test func handshakesThatWaitedTooLongTakeNoTurnOfOthers() {
        var admission = Admission()
        admission.maxHandshakesPerSecond = 1
        admission.maxHandshakesAtOnce = 1
        var waiting = WaitingHandshakes(limit: 1000, patience: .seconds(9))
        let start = ContinuousClock.now
        for number in 0..<200 { waiting.add([[UInt8(number)]], in: "slow", admission, at: start) }
        #expect(waiting.next(at: start) == [[0]])
        waiting.add([[250]], in: "slow", admission, at: start + .seconds(8))
        #expect(waiting.next(at: start + .seconds(8)) == [[1]])
        #expect(waiting.forgotten == 0)
        #expect(waiting.next(at: start + .seconds(9)) == [[250]])
        #expect(waiting.forgotten == 198)
        #expect(waiting.millisecondsToNext(at: start + .seconds(9)) == -1)
    }
}
