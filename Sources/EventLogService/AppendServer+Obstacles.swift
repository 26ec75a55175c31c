internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

extension AppendServer {
    /// How often a store that takes no writes is tried again.
    private static let retryInterval = Duration.milliseconds(500)

    /// Refuses what the store cannot write now; it may still be able to answer checks.
    func obstruct(_ write: PendingWrite) {
        guard case .append(let requests, areChecks: false) = write.content else { return refuseWriting(write.senders) }
        var checks: [AppendRequest] = []
        var asking: [RequestSender] = []
        var refused: [RequestSender] = []
        for (request, sender) in zip(requests, write.senders) {
            if request.isCheck {
                checks.append(request)
                asking.append(sender)
            } else {
                refused.append(sender)
            }
        }
        refuseWriting(refused)
        if !checks.isEmpty { queue.add(PendingWrite(.append(checks, areChecks: true), for: asking)) }
    }

    private func refuseWriting(_ senders: [RequestSender]) {
        availability.refuse(senders.count)
        let reason = availability.obstacle?.description ?? ""
        // Without a lease another log may lead, which may be able to write.
        let code: LogRefusal.Code = appender.validLease == nil ? .notLeader : .failed
        for sender in senders {
            appends?.refuse(LogRefusal(code, "the event log cannot write now: \(reason)"), sender)
        }
    }

    func retryLater() {
        guard !isRetryScheduled else { return }
        isRetryScheduled = true
        loop.schedule(after: Self.retryInterval) { [weak self] in
            self?.assumeIsolated {
                $0.isRetryScheduled = false
                $0.queue.add(PendingWrite(.probe))
                $0.beginWrites()
            }
        }
    }
}
