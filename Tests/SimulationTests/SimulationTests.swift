internal import Foundation
internal import Testing

/// Gateways, log and subscribers in one process, with simulated time, network and disk. The gateways drive the real
/// command machine, the subscribers the real subscription machine.
///
/// `SIMULATION_SEEDS=100000` runs so many seeds, `SIMULATION_SEED=17` runs that one and tells all that happens in it.
@Suite struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let usualSeeds: UInt64 = 600

    @Test func `I1 to I9 hold in every simulated history of counters`() async throws {
        try await check(Counters.self)
    }

    @Test func `I1 to I9 and the rules of accounts hold in every simulated history of accounts`() async throws {
        try await check(SimulatedAccounts.self)
    }

    private func check<Domain: SimulatedDomain>(_ domain: Domain.Type) async throws {
        if let text = Self.environment["SIMULATION_SEED"] {
            let seed = try #require(UInt64(text), "SIMULATION_SEED is a number")
            if let violation = Simulation.run(domain, seed: seed, isTraced: true).violation {
                Issue.record("\(violation)")
            }
            return
        }
        let text = Self.environment["SIMULATION_SEEDS"] ?? "\(Self.usualSeeds)"
        let seeds = try #require(UInt64(text), "SIMULATION_SEEDS is a number")
        var campaign = Campaign()
        let time = await ContinuousClock().measure { campaign = await Campaign.run(domain, seeds: seeds) }
        print("\(domain): \(campaign): \(time)")
        if let violation = campaign.violation {
            Issue.record("\(violation)\nreplay it with SIMULATION_SEED=\(violation.seed)")
            return
        }
        try #require(campaign.seeds == seeds)
        guard seeds >= Self.usualSeeds else { return }
        let missing = Situation.allCases.filter { !campaign.situations.contains($0) }
        #expect(missing.isEmpty, "the simulation has grown tame: nothing of this came about")
        #expect(campaign.eventTypes == Domain.eventTypes)
    }

    @Test(arguments: [3, 17] as [UInt64]) func `a seed tells everything`(seed: UInt64) {
        let (first, second) = (Simulation.run(Counters.self, seed: seed), Simulation.run(Counters.self, seed: seed))
        #expect(first.steps == second.steps && first.commands == second.commands && first.events == second.events)
        #expect(first.decisions == second.decisions && first.situations == second.situations)
    }
}
