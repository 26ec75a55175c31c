internal import EventSourcing

extension AccountEvent {
    /// The hold that the event places, at a version of its account.
    func placedHold(at version: UInt64) -> OpenHold? {
        guard case .holdPlaced(let hold, let amount, let expiresAt, _) = self else { return nil }
        return OpenHold(hold: hold, amount: amount, expiresAt: expiresAt, placedAt: version)
    }

    /// The hold that the event ends.
    var endedHold: HoldID? {
        switch self {
        case .holdCaptured(let capture): capture.hold
        case .holdReleased(let hold, _), .holdExpired(let hold, _): hold
        default: nil
        }
    }
}

extension Account {
    /// The hold of a name that is recorded as open, be it expired or not.
    func recordedHold(_ hold: HoldID) -> OpenHold? { isPlain ? nil : extras.holds[hold] }
}
