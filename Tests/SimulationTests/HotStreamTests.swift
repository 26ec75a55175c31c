internal import Testing

/// Two hot accounts that send to each other: no deadlock, no starvation, no livelock, bounded work.
@Suite struct HotStreamTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64], [1, 16, 64])
    func `transfers in both directions at full depth all end, decided a bounded number of times`(
        seed: UInt64, depth: Int
    ) {
        let commands = 256
        let outcome = HotStreams.run(seed: seed, depth: depth, commands: commands)
        if let violation = outcome.violation { Issue.record("\(violation)") }
        #expect(outcome.executed == [commands, commands] && outcome.others == 0)
        // A gateway that loses a race decides all that it has in progress again; then it is as likely to win as the other.
        #expect(outcome.decisions <= 3 * 2 * commands)
        #expect(outcome.maxDecisions <= 40)
    }
}
