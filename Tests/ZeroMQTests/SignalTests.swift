import Glibc
import Synchronization
import TestSupport
import Testing
import ZeroMQ

private let signals = Atomic(0)

@Suite("Signals", .timeLimit(.minutes(1)))
struct SignalTests {
    @Test(arguments: [Transport.tcp, .inproc])
    func signalsInterruptNothingThatMatters(over transport: Transport) async throws {
        // Without SA_RESTART, so that every call of the system that can fail with EINTR does.
        _ = signals.load(ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in signals.add(1, ordering: .relaxed) }
        sigaction(SIGUSR1, &action, nil)

        try await onStage { stage in
            let router = try await stage.peer(.router, roomy, .echo, isWatched: true)
            let dealer = try await stage.peer(.dealer)
            let threads = [
                await router.perform { _ in openToSignals() }, await dealer.perform { _ in openToSignals() },
            ]
            let bombardment = Task {
                while !Task.isCancelled {
                    // Both threads live as long as the stage does.
                    for thread in threads { pthread_kill(thread, SIGUSR1) }
                    try? await Task.sleep(for: .microseconds(50))
                }
            }
            defer { bombardment.cancel() }
            let before = signals.load(ordering: .relaxed)
            try await dealer.connect(router.bind(transport.newEndpoint))
            var sent = 0
            // Messages, and pauses in which the loops are interrupted while they wait.
            try await eventually("5000 messages and 500 signals") {
                try await dealer.sendAll(sent..<sent + 100) { numbered($0) }
                sent += 100
                return sent >= 5000 && signals.load(ordering: .relaxed) - before >= 500
            }
            let all = sent
            try await eventually("all answers") { await dealer.received.count >= all }
            #expect(await dealer.received == (0..<all).map { numbered($0) })
            #expect(await router.errors.isEmpty)
            #expect(await dealer.errors.isEmpty)
            #expect(await !router.events.contains(.disconnected))
            bombardment.cancel()
            await bombardment.value
        }
    }
}

/// Lets the signal reach this thread (those that Dispatch starts, and those started from them, block it).
private func openToSignals() -> pthread_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGUSR1)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    return pthread_self()
}
