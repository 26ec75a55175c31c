import Testing

@testable import CommandService

@Suite("The room of those that come many at once")
struct BulkRoomTests {
    @Test func `they enter while there is room, and wait in their order`() async {
        var room = BulkRoom(for: 3)
        let (first, second) = (room.enter(2), room.enter(2))
        #expect(first)
        #expect(!second)
        await withCheckedContinuation { continuation in
            room.wait(2, continuation)
            // There is room for one, but it would pass the two that wait.
            let third = room.enter(1)
            #expect(!third)
            room.leave()
        }
        let (fourth, none) = (room.enter(1), room.enter(0))
        #expect(!fourth)
        #expect(none)
    }

    @Test func `whoever is alone may enter, however many they are`() {
        var room = BulkRoom(for: 1)
        let (many, more) = (room.enter(10), room.enter(1))
        #expect(many)
        #expect(!more)
        for _ in 0..<10 { room.leave() }
        let next = room.enter(1)
        #expect(next)
    }
}
