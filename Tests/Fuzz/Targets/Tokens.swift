import EventSourcing

@testable import Access

/// What stands in the file of tokens, and in settings of access.
private let trials: [Trial] = [tokenFile, pattern, rate]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokens(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

private func tokenFile(_ input: [UInt8]) {
    guard let entries = value({ try TokenFile.entries(in: input) }) else { return }
    let written = entries.flatMap(\.line)
    check(value { try TokenFile.entries(in: written) } == entries, "tokens are read as they were written")
    check(Set(entries.map(\.name)).count == entries.count, "a name is there once")
    check(entries.allSatisfy { ActorName.isValid($0.name) }, "a token's name is an actor's")
    let table = TokenTable(entries)
    for entry in entries {
        check(table.entry(of: entry.digest)?.caller.actor == entry.name, "a token is found by its digest")
        check(table.entry(named: entry.name)?.digest == entry.digest, "a token is found by its name")
    }
    let other = Digest256(hashing: input)
    check(
        table.entry(of: other) == nil || entries.contains { $0.digest == other }, "no other token is found")
}

private func pattern(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self), let reach = Reach(text) else { return }
    check(Reach("\(reach)") == reach, "a pattern is read as it was written")
    check(reach.intersection(.all) == reach && reach.intersection(reach) == reach, "a pattern is within itself")
    if case .one(let name) = reach { check(reach.includes(name), "a name is within its pattern") }
}

private func rate(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self), let rate = Rate(text) else { return }
    check((1...Rate.max).contains(rate.perSecond), "a rate is within its bounds")
    check(Rate("\(rate)") == rate, "a rate is read as it was written")
}
