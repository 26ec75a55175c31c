// swift-tools-version: 6.2

import PackageDescription

// Lowest first: a target may depend on those above it, never on those below. What each knows, and must not know, is
// told in Sources/README.md.
let package = Package(
    name: "daybook",
    platforms: [.macOS(.v15)],
    // Exact versions, since Package.resolved is not kept: what is built, and tested, changes only with this file.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-async-algorithms", exact: "1.1.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"]), .brew(["zeromq"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(
            name: "ZeroMQ",
            dependencies: [
                "CZeroMQ", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .target(name: "JSON"),
        .target(name: "SecureFiles"),
        .target(name: "EventSourcing", dependencies: [.product(name: "Crypto", package: "swift-crypto")]),
        .target(
            name: "Access",
            dependencies: [
                "EventSourcing", "JSON", "SecureFiles", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"), .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Accounts",
            dependencies: [
                "EventSourcing", "JSON", .product(name: "HashTreeCollections", package: "swift-collections"),
            ]),
        .target(name: "EventStoreRules", dependencies: ["EventSourcing", "JSON"]),
        .target(
            name: "SQLiteEventStore",
            dependencies: [
                "EventSourcing", "EventStoreRules", "JSON", "SecureFiles",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(name: "PostgreSQLEventStore", dependencies: ["CPostgreSQL", "EventSourcing", "EventStoreRules"]),
        .target(
            name: "EventStores", dependencies: ["EventSourcing", "PostgreSQLEventStore", "SQLiteEventStore"]),
        .target(
            name: "EventLogProtocol",
            dependencies: [
                "EventSourcing", "SecureFiles", "ZeroMQ",
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        .target(
            name: "ServiceSupport",
            dependencies: [
                "Access", "CLinux", "EventLogProtocol", "EventSourcing", "JSON", "SecureFiles", "ZeroMQ",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
            ]),
        .target(
            name: "EventLogService",
            dependencies: [
                "Access", "EventLogProtocol", "EventSourcing", "JSON", "SecureFiles", "ServiceSupport", "ZeroMQ",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "QueryForwarding",
            dependencies: [
                "Access", "ServiceSupport", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        .target(
            name: "CommandService",
            dependencies: [
                "Access", "EventLogProtocol", "EventSourcing", "JSON", "QueryForwarding", "ServiceSupport", "ZeroMQ",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "QueryService",
            dependencies: [
                "Access", "EventLogProtocol", "EventSourcing", "JSON", "SecureFiles", "ServiceSupport", "ZeroMQ",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "AccountsHTTP",
            dependencies: [
                "Access", "Accounts", "CommandService", "EventSourcing", "JSON", "QueryService", "ServiceSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            resources: [.embedInCode("openapi.json")]),
        .target(
            name: "Operations",
            dependencies: [
                "Accounts", "EventLogProtocol", "EventSourcing", "JSON", "SecureFiles",
            ]),
        .executableTarget(
            name: "event-log-service",
            dependencies: [
                "Access", "EventLogService", "EventSourcing", "EventStores", "ServiceSupport", "ZeroMQ",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "command-service",
            dependencies: [
                "Access", "AccountsHTTP", "CommandService", "ServiceSupport", "ZeroMQ",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "query-service",
            dependencies: [
                "Accounts", "AccountsHTTP", "EventSourcing", "QueryService", "SecureFiles", "ServiceSupport", "ZeroMQ",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "daybook",
            dependencies: [
                "Access", "Accounts", "EventLogProtocol", "EventLogService", "EventSourcing", "EventStores", "JSON",
                "Operations", "SecureFiles", "ServiceSupport", "ZeroMQ",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        // Measured beside Daybook by Tests/Benchmarks/run.
        .executableTarget(
            name: "bare-hummingbird",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Benchmarks/BareHummingbird"),
        // Counted by Tests/Guards/run.
        .executableTarget(
            name: "hot-parts",
            dependencies: [
                "Access", "Accounts", "AccountsHTTP", "CommandService", "EventLogProtocol", "EventSourcing", "JSON",
                "SQLiteEventStore", "SecureFiles", "ZeroMQ", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Guards/HotParts"),
        // What every event store must pass, and the tests of each module. Tests/Outside and Tests/EndToEnd, in Python,
        // test the executables from outside.
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .target(
            name: "EventStoreContract", dependencies: ["EventSourcing", "TestSupport"], path: "Tests/EventStoreContract"
        ),
        .testTarget(name: "ZeroMQTests", dependencies: ["CZeroMQ", "TestSupport", "ZeroMQ"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON", "TestSupport"]),
        .testTarget(name: "SecureFilesTests", dependencies: ["SecureFiles", "TestSupport"]),
        .testTarget(
            name: "AccessTests",
            dependencies: [
                "Access", "EventSourcing", "JSON", "SecureFiles", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "EventSourcingTests", dependencies: ["EventSourcing", "TestSupport"]),
        .testTarget(
            name: "AccountsTests", dependencies: ["Accounts", "EventSourcing", "JSON", "TestSupport"],
            exclude: ["Golden"]),
        .testTarget(name: "EventStoreRulesTests", dependencies: ["EventSourcing", "EventStoreRules"]),
        .testTarget(
            name: "PostgreSQLEventStoreTests",
            dependencies: [
                "EventSourcing", "EventStoreContract", "EventStores", "Operations", "PostgreSQLEventStore",
                "TestSupport",
            ]),
        .testTarget(
            name: "SQLiteEventStoreTests",
            dependencies: [
                "EventSourcing", "EventStoreContract", "SQLiteEventStore", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "EventLogProtocolTests", dependencies: ["EventLogProtocol", "EventSourcing", "TestSupport", "ZeroMQ"]),
        .testTarget(
            name: "ServiceSupportTests",
            dependencies: [
                "Access", "EventLogProtocol", "EventSourcing", "JSON", "SecureFiles", "ServiceSupport", "TestSupport",
                "ZeroMQ", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "QueryServiceTests",
            dependencies: [
                "EventLogProtocol", "EventSourcing", "QueryService", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "AccountsHTTPTests",
            dependencies: [
                "Access", "Accounts", "AccountsHTTP", "CommandService", "EventLogProtocol", "EventSourcing", "JSON",
                "QueryService", "ServiceSupport", "TestSupport", "ZeroMQ",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .testTarget(
            name: "ServicesTests",
            dependencies: [
                "Access", "CommandService", "EventLogProtocol", "EventLogService", "EventSourcing", "JSON",
                "QueryForwarding",
                "QueryService", "ServiceSupport", "SQLiteEventStore", "TestSupport", "ZeroMQ",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        // Sources of its own and the contract's reference log, by a symbolic link.
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Access", "Accounts", "CommandService", "EventLogProtocol", "EventSourcing", "TestSupport", "ZeroMQ",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
    ]
)

// Their generic code is made for the domain's types where it is used, in another module: without this, every call goes
// through witness tables and metadata that are looked up at run time.
let specialized: Set = [
    "JSON", "EventSourcing", "Accounts", "EventLogProtocol", "ServiceSupport", "CommandService", "QueryService",
    "AccountsHTTP",
]

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
        .enableUpcomingFeature("ExistentialAny"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
        .enableUpcomingFeature("MemberImportVisibility"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ]
    if specialized.contains(target.name) {
        target.swiftSettings?.append(
            .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)))
    }
}
