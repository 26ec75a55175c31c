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

@Suite("Handshakes of those who hold keys") struct KeyedHandshakeTests {
    private func request(_ key: [UInt8], mechanism: String = "CURVE", domain: String = "d") throws -> HandshakeRequest {
        let texts = ["1.0", "7", domain, "127.0.0.1", "", mechanism].map { Array($0.utf8) }
        return try #require(HandshakeRequest([[0, 1, 2, 3, 4], []] + texts + (key.isEmpty ? [] : [key])))
    }

    private let bytes = (0..<32).map(UInt8.init)

    @Test func `only a key that is admitted is, and it is the peer's name`() throws {
        let key = try #require(CurvePublicKey(bytes: bytes))
        let admission = Admission(.holders(of: [key]))
        #expect(try admission.decide(request(bytes)) == .admitted(user: key.description))
        for other in [[], Array(bytes.reversed()), bytes + [0], Array(bytes.dropLast())] {
            #expect(try admission.decide(request(other)) == .refused)
        }
        for mechanism in ["NULL", "PLAIN", "curve", ""] {
            #expect(try admission.decide(request(bytes, mechanism: mechanism)) == .refused)
        }
        // Nor is one that has a key where none is asked for.
        #expect(try Admission().decide(request(bytes)) == .refused)
    }

    @Test func `one that shakes hands too fast fails alone`() throws {
        let (one, two) = (bytes, Array(bytes.reversed()))
        var admission = Admission(.holders(of: Set([one, two].compactMap { CurvePublicKey(bytes: $0) })))
        admission.handshakesOfPeer = Admission.HandshakeRate(atOnce: 2, perSecond: 1)
        var rates = HandshakeRates()
        let start = ContinuousClock.now
        func verdict(_ key: [UInt8], domain: String = "d", after seconds: Int = 0) throws -> Admission.Verdict {
            let request = try request(key, domain: domain)
            return rates.limit(admission.decide(request), of: request, admission, at: start + .seconds(seconds))
        }
        let admitted = Admission.Verdict.admitted(user: try #require(CurvePublicKey(bytes: one)).description)
        let first = [try verdict(one), try verdict(one), try verdict(one)]
        #expect(first == [admitted, admitted, .busy])
        let others = [
            try verdict(two), try verdict(one, domain: "e"), try verdict(one, after: 1), try verdict(one, after: 1),
        ]
        #expect(others.map { $0 == .busy } == [false, false, false, true])
        #expect(rates.refused == 2)
        #expect(try request(one).answer(.busy)[4] == Array("300".utf8))
    }
}
