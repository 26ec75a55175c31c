internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

extension AppendServer {
    /// A socket that cannot be received from. Nothing that a peer sends leads here; a socket that was closed does, and
    /// whoever closed it has dealt with the rest.
    func socketFailed(_ error: any Error) {
        logger.error("a socket cannot be received from", metadata: ["error": "\(error)"])
        if let error = error as? ZeroMQError, error.endsTheSocket { end(by: error) }
    }

    /// The end: what a failed flush left on disk is not known, so nothing may be acknowledged any more.
    func end(by error: any Error) {
        guard ending == nil, !isClosed else { return }
        let ending = LogEnding(error)
        self.ending = ending
        if case .leadLost = ending { refuseWaiting() }
        close()
        resumeStopping()
        report(ending)
    }

    /// Refuses the requests that were not begun: nothing was done. Those under way get no answer, but lose their
    /// connection: whether theirs is recorded is not known here.
    private func refuseWaiting() {
        guard let appends else { return }
        appends.refusal = .notLeader
        for write in queue.removeWaiting(if: { _ in true }) + snapshots.takeAll() {
            for sender in write.senders { appends.refuse(.notLeader, sender) }
        }
        var refused = AppendBatch()
        do {
            try appends.receive(into: &refused)
            try appends.flush()
        } catch {
            // The socket is closed in any case.
        }
    }

    /// Waits until a write has ended, or the log has.
    func nextEnd(before deadline: ContinuousClock.Instant) async {
        await withCheckedContinuation { continuation in
            stopping.append(continuation)
            loop.schedule(after: max(.zero, deadline - .now)) { [weak self] in
                self?.assumeIsolated { $0.resumeStopping() }
            }
        }
    }

    func resumeStopping() {
        let waiting = stopping
        stopping = []
        for continuation in waiting { continuation.resume() }
    }
}
