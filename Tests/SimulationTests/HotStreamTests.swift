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
        print(
            "depth \(depth): decided", Double(outcome.decisions) / Double(2 * commands), "times, at most",
            outcome.maxDecisions)
        #expect(outcome.executed == [commands, commands] && outcome.others == 0)
        #expect(outcome.decisions <= 8 * commands)
        #expect(outcome.maxDecisions <= 60)
    }
}
