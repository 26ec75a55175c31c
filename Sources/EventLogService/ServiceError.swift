/// Why the service stopped by itself: one clear line.
struct ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
