extension CommonSettings {
    /// Whether a service may listen beyond loopback without what protects its sockets.
    public static let allowInsecure = Setting(
        "ALLOW_INSECURE", default: "no",
        help: "yes: listen beyond loopback even without what protects the sockets there; a warning at every start"
    ) { text throws(SettingError) in
        switch text {
        case "yes": true
        case "no": false
        default: throw SettingError("expected yes or no")
        }
    }
}
