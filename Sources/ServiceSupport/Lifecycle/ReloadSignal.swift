internal import Dispatch
internal import Glibc
internal import Synchronization

/// SIGHUP: certificates, tokens, peers and whatever else may change are read again.
///
/// Without anybody who subscribes the signal has no effect; it never ends the process.
package final class ReloadSignal: Sendable {
    /// That of this process.
    package static let process = ReloadSignal()

    private let subscribers = Mutex<[@Sendable () -> Void]>([])
    /// Held as long as the process lives: a source that is given up no longer takes the signal.
    private let source: Mutex<(any DispatchSourceSignal)?> = Mutex(nil)

    /// Has a function called after each SIGHUP, on a thread of its own, until the process ends: what it may block, and
    /// what it holds, must be right for that. Several signals at once may be one call.
    package func subscribe(_ body: @escaping @Sendable () -> Void) {
        begin()
        subscribers.withLock { $0.append(body) }
    }

    /// Takes the signal from now on. To be called at the start of a program, before it can be sent one.
    package func begin() {
        source.withLock { source in
            guard source == nil else { return }
            // Until the source is at work; the default would end the process.
            signal(SIGHUP) { _ in }
            let queue = DispatchQueue(label: "SIGHUP")
            let new = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
            new.setEventHandler { [self] in
                for subscriber in subscribers.withLock({ $0 }) { subscriber() }
            }
            new.activate()
            source = new
        }
    }
}
