internal import ArgumentParser
internal import EventLogProtocol

/// Whom a command trusts over TLS.
struct TrustOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The authority of the services' certificates; else the setting DAYBOOK_CA.", valueName: "file"))
    var ca: String?

    /// The flag of the setting.
    var flag: (name: String, value: String?) { (name: "daybook-ca", value: ca) }
}

/// Where a command finds the gateway.
struct GatewayOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway; else the setting COMMAND_HTTP_ADDRESS.", valueName: "host:port"))
    var commandHttpAddress: String?
    @OptionGroup var trust: TrustOptions

    func connection() async throws -> HTTPConnection {
        let settings = try await Settings([(name: "command-http-address", value: commandHttpAddress), trust.flag])
        return HTTPConnection(address: try settings.command, access: try settings.access)
    }
}

/// Where a command finds the query service.
struct QueryOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The query service; else the setting QUERY_HTTP_ADDRESS.", valueName: "host:port"))
    var queryHttpAddress: String?
    @OptionGroup var trust: TrustOptions

    func connection() async throws -> HTTPConnection {
        let settings = try await Settings([(name: "query-http-address", value: queryHttpAddress), trust.flag])
        return HTTPConnection(address: try settings.query, access: try settings.access)
    }
}

/// Where a command finds all three services.
struct ServiceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The event log's health; else the setting EVENT_LOG_HTTP_ADDRESS.", valueName: "host:port"))
    var eventLogHttpAddress: String?
    @Option(help: ArgumentHelp("The gateway; else the setting COMMAND_HTTP_ADDRESS.", valueName: "host:port"))
    var commandHttpAddress: String?
    @Option(help: ArgumentHelp("The query service; else the setting QUERY_HTTP_ADDRESS.", valueName: "host:port"))
    var queryHttpAddress: String?
    @OptionGroup var trust: TrustOptions

    func settings() async throws -> Settings {
        try await Settings([
            (name: "event-log-http-address", value: eventLogHttpAddress),
            (name: "command-http-address", value: commandHttpAddress),
            (name: "query-http-address", value: queryHttpAddress), trust.flag,
        ])
    }
}

/// Where a command finds the event log's sockets.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Append requests, of each event-log service, separated by commas; else the setting EVENT_LOG_APPEND_ENDPOINT.",
            valueName: "endpoint"))
    var eventLogAppendEndpoint: String?
    @Option(
        help: ArgumentHelp("Published events, likewise; else EVENT_LOG_EVENTS_ENDPOINT.", valueName: "endpoint"))
    var eventLogEventsEndpoint: String?
    @Option(help: ArgumentHelp("Reads of the log, likewise; else EVENT_LOG_READ_ENDPOINT.", valueName: "endpoint"))
    var eventLogReadEndpoint: String?
    @Option(
        help: ArgumentHelp("How long a request waits; else the setting EVENT_LOG_TIMEOUT.", valueName: "time"))
    var eventLogTimeout: String?
    @Option(help: ArgumentHelp("The log's public key; else the setting EVENT_LOG_PUBLIC_KEY.", valueName: "key"))
    var eventLogPublicKey: String?
    @Option(
        help: ArgumentHelp("The file with its own secret key; else the setting PEER_SECRET_KEY.", valueName: "file"))
    var peerSecretKey: String?

    func address() async throws -> EventLogAddress {
        try await Settings([
            (name: "event-log-append-endpoint", value: eventLogAppendEndpoint),
            (name: "event-log-events-endpoint", value: eventLogEventsEndpoint),
            (name: "event-log-read-endpoint", value: eventLogReadEndpoint),
            (name: "event-log-timeout", value: eventLogTimeout),
            (name: "event-log-public-key", value: eventLogPublicKey),
            (name: "peer-secret-key", value: peerSecretKey),
        ]).log
    }
}
