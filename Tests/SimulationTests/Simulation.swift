internal import EventSourcing

/// One simulation, from its seed to the end.
enum Simulation {
    /// How long everything may take to settle once no more faults come.
    private static let settling = Microseconds.seconds(30)
    /// More than any simulation needs: who takes so many steps runs in circles.
    private static let maxSteps = 200_000
    /// Whether all has settled is looked at once in so many steps: it takes longer than a step.
    private static let stepsBetweenLooks = 16

    struct Outcome {
        let violation: Violation?
        let situations: Set<Situation>
        let eventTypes: Set<String>
        let steps: Int
        let commands: Int
        let decisions: Int
        let events: UInt64
    }

    static func run<Domain: SimulatedDomain>(_ domain: Domain.Type, seed: UInt64, isTraced: Bool = false) -> Outcome {
        let world = World(seed: seed, isTraced: isTraced)
        defer { world.end() }
        let circumstances = Circumstances(world)
        world.trace("\(circumstances)")
        let cast = Cast<Domain>(world, circumstances)
        Turbulence(world, circumstances, on: cast).begin()
        var isSettled = false
        while world.violation == nil, !isSettled, world.step() {
            if world.now > circumstances.turbulence, world.steps % stepsBetweenLooks == 0 { isSettled = cast.isSettled }
            world.expect(
                world.now < circumstances.turbulence + settling && world.steps < maxSteps, .progress, cast.state)
        }
        if isSettled { cast.referee.settled(log: cast.log.disk.durable) }
        return Outcome(
            violation: world.violation, situations: world.situations,
            eventTypes: Set(cast.referee.history.records.map(\.type)), steps: world.steps,
            commands: cast.referee.attempts.count, decisions: cast.referee.decisions, events: cast.referee.history.head)
    }
}
