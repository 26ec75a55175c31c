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

    @Test(
        arguments: [
            "postgresql://me:hid/den@127.0.0.1/log", "postgresql://me:hid@den@127.0.0.1/log",
            "postgresql://me:hi?d@den@127.0.0.1/log", "postgresql://me:1234/den@127.0.0.1:5432/log",
            "postgresql://me@there:hidden@127.0.0.1/log", "postgresql://127.0.0.1:hidden/log",
            "postgresql://127.0.0.1:0/log", "postgresql://127.0.0.1:65536/log",
        ])
    func whatLibpqWouldReadOtherwiseThanItIsMeantIsRefused(_ text: String) {
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try ConnectionString(text) }
        #expect(error?.code == .cannotOpen)
        for part in ["hid", "den", "me:", "127.0.0.1"] { #expect(error?.description.contains(part) == false) }
    }

    @Test func aPasswordThatIsEscapedStaysHidden() throws {
        let text = "postgresql://me:hid%2Fd%40e%3Fn@127.0.0.1:5432,b:/log?application_name=x"
        #expect(try value("password", of: text) == "hid/d@e?n")
        #expect(try ConnectionString(text).place == "postgresql://127.0.0.1:5432,b:/log")
        #expect(try value("password", of: "postgresql://me:hid?den@127.0.0.1/log") == "hid?den")
        #expect(try ConnectionString("postgresql://me:hid?den@127.0.0.1/log").place == "postgresql://…")
        #expect(try ConnectionString("host=h password='hid/den' dbname=log").place == "postgresql://h/log")
    }
}
