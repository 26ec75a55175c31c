internal import Foundation

/// Many simulations, on all processors.
struct Campaign {
    private(set) var seeds: UInt64 = 0
    private(set) var commands = 0
    private(set) var events: UInt64 = 0
    private(set) var decisions = 0
    private(set) var steps = 0
    private(set) var situations: Set<Situation> = []
    private(set) var eventTypes: Set<String> = []
    /// What the lowest seed that failed has broken.
    private(set) var violation: Violation?

    /// Runs the seeds from 0 on; each processor stops at its first that fails.
    static func run(_ domain: (some SimulatedDomain).Type, seeds: UInt64) async -> Campaign {
        let processors = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        return await withTaskGroup { group in
            for first in 0..<processors {
                group.addTask {
                    var campaign = Campaign()
                    for seed in stride(from: first, to: seeds, by: Int(processors)) where campaign.violation == nil {
                        campaign.add(Simulation.run(domain, seed: seed))
                    }
                    return campaign
                }
            }
            return await group.reduce(into: Campaign()) { $0.add($1) }
        }
    }

    private mutating func add(_ outcome: Simulation.Outcome) {
        seeds += 1
        commands += outcome.commands
        events += outcome.events
        decisions += outcome.decisions
        steps += outcome.steps
        situations.formUnion(outcome.situations)
        eventTypes.formUnion(outcome.eventTypes)
        violation = outcome.violation
    }

    private mutating func add(_ other: Campaign) {
        seeds += other.seeds
        commands += other.commands
        events += other.events
        decisions += other.decisions
        steps += other.steps
        situations.formUnion(other.situations)
        eventTypes.formUnion(other.eventTypes)
        violation = [violation, other.violation].compactMap(\.self).min { $0.seed < $1.seed }
    }
}

extension Campaign: CustomStringConvertible {
    var description: String {
        "\(seeds) seeds, \(commands) commands, \(decisions) decisions, \(events) events, \(steps) steps"
    }
}
