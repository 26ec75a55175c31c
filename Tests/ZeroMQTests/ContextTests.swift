import TestSupport
import Testing
import ZeroMQ

/// Each in a process of its own: the context is one for the whole process.
@Suite("Shares in the context", .timeLimit(.minutes(1)))
struct ContextTests {
    @Test func theContextEndsWithItsLastShareOnly() async {
        await #expect(processExitsWith: .success) {
            let (first, second) = (try Context(), try Context())
            let loop = try SocketLoop(name: "test", context: second)
            let router = Peer(on: loop, .echo)
            try await router.open(.router, roomy)
            #expect(await first.close(timeLimit: .milliseconds(1)))
            // A share is given up once, however often it is closed.
            #expect(await first.close(timeLimit: .milliseconds(1)))

            let dealer = Peer(on: loop)
            try await dealer.open(.dealer)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            try await dealer.sendAll(0..<10) { numbered($0) }
            try await eventually("10 answers") { await dealer.received.count == 10 }
            await loop.close()
            #expect(await second.close())
            await #expect(throws: ZeroMQError.self) { try await dealer.open(.dealer) }
        }
    }

    @Test func closingWaitsNoLongerThanItsLimit() async {
        await #expect(processExitsWith: .success) {
            let context = try Context()
            let loop = try SocketLoop(name: "test", context: context)
            let dealer = Peer(on: loop)
            try await dealer.open(.dealer)
            // Nobody looks at it, so nobody learns that the context wants to end.
            await dealer.pause()
            let start = ContinuousClock.now
            #expect(await !context.close(timeLimit: .milliseconds(50)))
            #expect(.now - start >= .milliseconds(50))
            #expect(.now - start < .seconds(2))
            #expect(await context.close())
            await loop.close()
        }
    }

    @Test func aForgottenShareIsGivenUp() async {
        await #expect(processExitsWith: .success) {
            let before = descriptors()
            for _ in 0..<20 {
                let loop = try SocketLoop(name: "test", context: Context())
                let dealer = Peer(on: loop)
                try await dealer.open(.dealer)
            }
            try await eventually("everything is given back") {
                descriptors() <= mostDescriptors(after: 20, from: before)
            }
        }
    }

    @Test func sharesMayBeTakenAndGivenUpByManyAtOnce() async {
        await #expect(processExitsWith: .success) {
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        do {
                            for _ in 0..<20 {
                                let context = try Context()
                                let loop = try SocketLoop(name: "test", context: context)
                                let peer = Peer(on: loop)
                                try await peer.open(.router)
                                await loop.close()
                                #expect(await context.close())
                            }
                        } catch {
                            Issue.record(error)
                        }
                    }
                }
            }
        }
    }
}
