internal import Accounts
internal import EventSourcing

/// What the query service does with an event.
enum QueryParts {
    static let all = [apply]

    private static let apply = HotPart("apply") { count in
        let streams = (0..<1000).map { Samples.stream($0) }
        var directory = AccountDirectory()
        for (index, stream) in streams.enumerated() {
            directory.apply(
                Samples.record(of: Samples.opened, at: UInt64(index) + 1, in: stream, version: 1))
        }
        for index in 0..<count {
            directory.apply(
                Samples.record(
                    of: Samples.deposited, at: UInt64(index) + 1001, in: streams[index % 1000],
                    version: UInt64(index / 1000) + 2))
        }
        use(directory)
    }
}
