public import EventLogProtocol

/// The endpoints of the event log, as its peers and the log itself read them.
///
/// To a peer each setting is a list: several services may lead one log in turn, and the endpoints at one place of the three
/// lists are those of one service. The service itself binds one.
extension CommonSettings {
    /// Where the log takes appends.
    public static let appendEndpoint = endpoint("EVENT_LOG_APPEND_ENDPOINT", "tcp://127.0.0.1:5570", "append requests")
    /// Where the log publishes events.
    public static let eventsEndpoint = endpoint("EVENT_LOG_EVENTS_ENDPOINT", "tcp://127.0.0.1:5571", "published events")
    /// Where the log is read.
    public static let readEndpoint = endpoint("EVENT_LOG_READ_ENDPOINT", "tcp://127.0.0.1:5572", "reads of the log")

    /// The settings of everybody who speaks with the log.
    public static let ofLogClients: [SettingDescription] = [
        appendEndpoint.description, eventsEndpoint.description, readEndpoint.description, logTimeout.description,
        logPublicKey.description, peerSecretKey.description,
    ]

    /// The address of the log, from the settings.
    ///
    /// - Throws: ``SettingError`` also if the three lists are not of one length.
    public static func logAddress(_ settings: SettingsReader) throws(SettingError) -> EventLogAddress {
        let appends = try settings.value(appendEndpoint)
        let events = try settings.value(eventsEndpoint)
        let reads = try settings.value(readEndpoint)
        for (name, endpoints) in [(eventsEndpoint.name, events), (readEndpoint.name, reads)]
        where endpoints.count != appends.count {
            throw SettingError(
                "\(appendEndpoint.name) is “\(appends.joined(separator: ","))” and \(name) is "
                    + "“\(endpoints.joined(separator: ","))”: expected as many endpoints in each, "
                    + "one for each event-log service")
        }
        var logs: [EventLogAddress.Log] = []
        for (append, (events, read)) in zip(appends, zip(events, reads)) {
            logs.append(EventLogAddress.Log(append: append, events: events, read: read))
        }
        return EventLogAddress(
            logs, timeout: try settings.value(logTimeout), security: try peerSecurity(settings))
    }

    /// The same setting as its binder reads it, who needs one address of this machine.
    public static func bound(_ setting: Setting<[String]>) -> Setting<String> {
        Setting(setting.name, default: setting.defaultText, help: setting.help) { text throws(SettingError) in
            guard !text.contains(",") else {
                throw SettingError("expected one endpoint: a list is for the peers of several logs")
            }
            return try LogEndpoint(text, use: .bind).text
        }
    }

    private static func endpoint(_ name: String, _ text: String, _ purpose: String) -> Setting<[String]> {
        Setting(
            name, default: text,
            help: "the event log's ZeroMQ endpoint for \(purpose); to its peers, of each service, separated by commas"
        ) { text throws(SettingError) in
            try endpoints(in: text)
        }
    }

    /// The endpoints of a list, with spaces around the commas or without.
    private static func endpoints(in text: String) throws(SettingError) -> [String] {
        var endpoints: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let endpoint = try LogEndpoint(String(part.trimmingSpaces), use: .connect).text
            guard !endpoints.contains(endpoint) else {
                throw SettingError("the endpoint \(endpoint) stands there twice")
            }
            endpoints.append(endpoint)
        }
        guard endpoints.count <= EventLogAddress.maxLogs else {
            throw SettingError("there are \(endpoints.count) endpoints, and at most \(EventLogAddress.maxLogs) can be")
        }
        return endpoints
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var rest = self
        while rest.first == " " { rest = rest.dropFirst() }
        while rest.last == " " { rest = rest.dropLast() }
        return rest
    }
}
