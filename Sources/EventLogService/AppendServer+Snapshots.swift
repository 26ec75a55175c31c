internal import EventSourcing
internal import ZeroMQ

extension AppendServer {
    /// Keeps and drops snapshots now, or a little later if that was done just before.
    func settleInTime() {
        guard let delay = snapshots.delay else { return }
        if delay == .zero { return settle() }
        guard !isSettleScheduled else { return }
        isSettleScheduled = true
        loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated {
                $0.isSettleScheduled = false
                $0.settle()
            }
        }
    }

    private func settle() {
        guard ending == nil, !isClosed else { return }
        for write in snapshots.take() { queue.add(write) }
        beginWrites()
        settleInTime()
    }
}
