import EventSourcing
import Foundation
import Testing

@testable import PostgreSQLEventStore

@Suite("What a thread polls beside its sockets")
struct WakeUpTests {
    @Test func itIsReadableFromAWakeUntilItIsCleared() throws {
        let wakeUp = try WakeUp()
        #expect(!isReadable(wakeUp))
        // More often than a pipe has room for.
        for _ in 1...100_000 { wakeUp.wake() }
        #expect(isReadable(wakeUp))
        wakeUp.clear()
        #expect(!isReadable(wakeUp))
    }

    @Test func aProcessWithoutDescriptorsGetsAnObstacleThatSaysWhatToDo() throws {
        var before = rlimit()
        try #require(getrlimit(descriptors, &before) == 0)
        var none = rlimit(rlim_cur: 0, rlim_max: before.rlim_max)
        try #require(setrlimit(descriptors, &none) == 0)
        let result = Result { try WakeUp() }
        try #require(setrlimit(descriptors, &before) == 0)
        let obstacle = #expect(throws: StoreObstacle.self) { _ = try result.get() }
        #expect(obstacle?.kind == .unavailable)
        #expect(obstacle?.description.contains("ulimit -n") == true)
    }

    private let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private func isReadable(_ wakeUp: WakeUp) -> Bool {
        var polled = wakeUp.polled
        return poll(&polled, 1, 0) == 1
    }
}
