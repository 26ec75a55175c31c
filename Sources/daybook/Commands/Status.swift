internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "How the three services are: ready or not, position, lag, events a second.",
        usage: "daybook status [options]",
        discussion: "Looks twice, a second apart, for the rate. Exit code 1 where one of them is not ready.\n\n"
            + "Example: daybook status --json | jq .")

    @Flag(help: "One JSON object a service.") var json = false
    @OptionGroup var services: ServiceOptions

    func run() async throws {
        let settings = try await services.settings()
        let addresses = [
            ("event-log", try settings.logHealth), ("command", try settings.command), ("query", try settings.query),
        ]
        let access = try settings.access
        let before = await look(addresses, access)
        let begun = ContinuousClock.now
        // What is counted over this time is shown as a rate.
        try await Task.sleep(for: .seconds(1))
        let after = await look(addresses, access)
        let time = ContinuousClock.now - begun
        let head = after.compactMap { $0?["position"]?.integer }.max() ?? 0
        var table = Table(
            ("SERVICE", .left), ("ADDRESS", .left), ("STATE", .left), ("POSITION", .right), ("LAG", .right),
            ("EVENTS/S", .right), ("MISSING", .left))
        for (index, (name, address)) in addresses.enumerated() {
            let found = after[index]
            let position = found?["position"]?.integer
            let earlier = before[index]?["position"]?.integer
            let rate = position.flatMap { new in earlier.map { UInt64.rate(new - min(new, $0), in: time) } }
            let state = found.map { $0["status"]?.text == "ready" ? "ready" : "not ready" } ?? "unreachable"
            let missing = Self.missing(found)
            if json {
                JSONOutput.line([
                    "service": .string(name), "address": .string("\(address)"), "state": .string(state),
                    "position": position.map { JSONOutput.number($0) } ?? .null,
                    "lag": position.map { JSONOutput.number(head - $0) } ?? .null,
                    "events_per_second": rate.map { JSONOutput.number($0) } ?? .null,
                    "missing": .array(missing.map(JSONValue.string)),
                ])
            } else {
                table.add(
                    (name, .bold), ("\(address)", nil), (state, state == "ready" ? .green : .red),
                    (position.map(String.init) ?? "-", nil), (position.map { "\(head - $0)" } ?? "-", nil),
                    (rate.map { "\($0)" } ?? "-", nil), (missing.joined(separator: "; "), .yellow))
            }
        }
        if !json { table.print() }
        let areReady = after.allSatisfy { $0?["status"]?.text == "ready" }
        if !areReady { throw ExitCode.failure }
    }

    /// What a service lacks, and what it leaves out.
    private static func missing(_ found: JSONValue?) -> [String] {
        var missing: [String] = []
        if case .array(let found) = found?["missing"] { missing = found.map(\.text) }
        if case .array(let records) = found?["unreadable"] {
            missing += records.map { record in
                "\(record["stream"]?.text ?? "") cannot be read at position \(record["position"]?.text ?? "")"
            }
        }
        return missing
    }

    /// What each service tells of itself; nil where it cannot be reached.
    private func look(_ addresses: [(String, HTTPAddress)], _ access: ServiceAccess) async -> [JSONValue?] {
        await withTaskGroup(of: (Int, JSONValue?).self) { group in
            for (index, (_, address)) in addresses.enumerated() {
                group.addTask {
                    let answer = await HTTPConnection(address: address, access: access).lookQuietly("/readyz")
                    return (index, answer)
                }
            }
            var found: [JSONValue?] = addresses.map { _ in nil }
            for await (index, answer) in group { found[index] = answer }
            return found
        }
    }
}
