internal import Dispatch
internal import Glibc
internal import Synchronization

/// SIGHUP: certificates, tokens, peers and whatever else may change are read again.
///
/// Without anybody who subscribes the signal has no effect; it never ends the process.
package final class ReloadSignal: Sendable {
    /// That of this process.
    package static let process = ReloadSignal()

    private struct Subscribers {
        var bodies: [UInt64: @Sendable () -> Void] = [:]
        var last: UInt64 = 0
    }

    private let subscribers = Mutex(Subscribers())
    /// Held as long as the process lives: a source that is given up no longer takes the signal.
    private let source: Mutex<(any DispatchSourceSignal)?> = Mutex(nil)

    /// Has a function called after each SIGHUP, on a thread of its own, until ``unsubscribe(_:)`` or the end of the process:
    /// what it may block, and what it holds, must be right for that. Several signals at once may be one call.
    ///
    /// - Returns: the number of the subscription.
    @discardableResult
    package func subscribe(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        begin()
        return subscribers.withLock { subscribers in
            subscribers.last += 1
            subscribers.bodies[subscribers.last] = body
            return subscribers.last
        }
    }

    /// Ends a subscription; a call of it may be under way.
    package func unsubscribe(_ number: UInt64) { subscribers.withLock { $0.bodies[number] = nil } }

    /// Takes the signal from now on. To be called at the start of a program, before it can be sent one.
    package func begin() {
        source.withLock { source in
            guard source == nil else { return }
            // Until the source is at work; the default would end the process.
            signal(SIGHUP) { _ in }
            let queue = DispatchQueue(label: "SIGHUP")
            let new = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
            new.setEventHandler { [self] in
                // In the order in which they subscribed.
                for (_, body) in subscribers.withLock({ $0.bodies.sorted { $0.key < $1.key } }) { body() }
            }
            new.activate()
            source = new
        }
    }
}
