import Testing

@testable import PostgreSQLEventStore

@Suite struct ConnectionStringTests {
    private func value(_ name: String, of text: String) throws -> String? {
        try ConnectionString(text).keywords.last { $0.name == name }?.value
    }

    @Test func whatTheStringDoesNotSayIsSet() throws {
        let text = "postgresql://me@a:1,b:2/log?connect_timeout=9"
        #expect(try value("target_session_attrs", of: text) == "read-write")
        #expect(try value("connect_timeout", of: text) == "9")
        #expect(try value("tcp_user_timeout", of: text) == "5000")
        #expect(try value("host", of: text) == "a,b")
        #expect(try value("port", of: text) == "1,2")
    }

    @Test func whatTheStringSaysStays() throws {
        #expect(try value("target_session_attrs", of: "host=a target_session_attrs=primary") == "primary")
        #expect(try value("client_encoding", of: "host=a client_encoding=LATIN1") == "UTF8")
    }

    @Test func noMessageHasThePassword() throws {
        #expect(try ConnectionString("postgresql://me:hidden@h:5/log").place == "postgresql://h:5/log")
        for text in ["hidden", "postgresql://me:hidden@h:5/log?nonsense=hidden", "password='hidden"] {
            let error = #expect(throws: PostgreSQLEventStoreError.self) { try ConnectionString(text) }
            #expect(error?.description.contains("hidden") == false)
        }
    }
}
