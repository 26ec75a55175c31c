/// The faults of a simulation. Each kind happens in some seeds only: where everything fails at once, little is seen of
/// what one fault alone does.
struct Turbulence<Domain: SimulatedDomain> {
    private enum Fault: CaseIterable {
        case logCrash, logFreeze, appendCut, readCut, feedCut, feedStall, subscriberCrash, gatewayCrash, forget,
            forgetAll
    }

    private let world: World
    private let circumstances: Circumstances
    private let cast: Cast<Domain>

    init(_ world: World, _ circumstances: Circumstances, on cast: Cast<Domain>) {
        self.world = world
        self.circumstances = circumstances
        self.cast = cast
    }

    /// Puts the faults on the agenda.
    func begin() {
        let kinds = Fault.allCases.filter { _ in world.onceIn(3) }
        guard !kinds.isEmpty else { return }
        for _ in 0..<world.between(1...10) {
            let fault = world.oneOf(kinds)
            world.after(0...circumstances.turbulence) { [self] in happen(fault) }
        }
    }

    private func happen(_ fault: Fault) {
        world.trace("fault: \(fault)")
        switch fault {
        case .logCrash: cast.log.crash(downFor: pause())
        case .logFreeze: cast.log.freeze(for: pause())
        case .appendCut: world.oneOf(cast.gateways).appends.cut()
        case .readCut:
            if world.onceIn(2) {
                world.oneOf(cast.gateways).reads.cut()
            } else {
                world.oneOf(cast.subscribers).cutReads()
            }
        case .feedCut: world.oneOf(cast.subscribers).cut()
        case .feedStall: world.oneOf(cast.subscribers).stall(for: pause())
        case .subscriberCrash: world.oneOf(cast.subscribers).crash(downFor: pause())
        case .gatewayCrash: cast.crashGateway(world.between(0...cast.gateways.count - 1))
        case .forget: world.oneOf(cast.gateways).forget(world.oneOf(cast.streams))
        case .forgetAll: world.oneOf(cast.gateways).forgetAll()
        }
    }

    private func pause() -> Microseconds { world.between(1000...world.oneOf([2000, 50_000, 1_000_000])) }
}
