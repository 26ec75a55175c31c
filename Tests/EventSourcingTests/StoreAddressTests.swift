import EventSourcing
import Testing

@Suite("An address of a store")
struct StoreAddressTests {
    @Test(arguments: [
        ("sqlite:data/daybook.db", "sqlite:data/daybook.db"),
        ("postgresql://host/log", "postgresql://host/log"),
        ("postgres://me:secret@h1,h2:5433/log?sslmode=require", "postgresql://h1,h2:5433/log"),
        ("postgresql://me@/log?host=/run/postgresql&password=secret", "postgresql:///log"),
        // Passwords that are not written as they should be.
        ("postgresql://me:sec@ret@host/log", "postgresql://host/log"),
        ("postgresql://me:se/cret@host/log", "postgresql://host/log"),
        ("postgresql://me:se?cret@host/log", "postgresql://…"),
        ("postgresql://host/log?password=secret@x", "postgresql://…"),
    ])
    func itsDescriptionHasNoPassword(text: String, description: String) throws {
        #expect(try #require(StoreAddress(text)).description == description)
    }

    @Test(arguments: [
        "", "sqlite:", "data/daybook.db", "mysql://host/log", "postgresql:host", " postgresql://host/log",
    ])
    func anythingElseIsNone(text: String) { #expect(StoreAddress(text) == nil) }
}
