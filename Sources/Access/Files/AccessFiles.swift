internal import EventSourcing
internal import SecureFiles

/// The files that say who has access: reads them, and reads them again when they change.
actor AccessFiles {
    /// A file that was read, or could not be.
    enum Change: Sendable {
        /// The file of tokens.
        case tokens([TokenEntry])
        /// The issuer's keys.
        case keys(WebKeySet)
        /// A file cannot be used: the setting that names it, and why.
        case failed(setting: String, reason: String)
        /// A file that could not be used is as it was when it was used last.
        case recovered(setting: String)
    }

    private var tokens: Source?
    private var keys: Source?
    private var isLooking = false
    /// Whether to look once more when the look under way is over; true: at files that seem to be the same, too.
    private var next: Bool?

    /// A file and what is in force of it.
    private struct Source {
        let setting: String
        var file: WatchedFile
        var bytesInForce: [UInt8] = []
        var isFailing = false

        init(_ setting: String, _ path: String, maxBytes: Int, demanding demand: SecureFile.Demand) {
            self.setting = setting
            file = WatchedFile(path, maxBytes: maxBytes, demanding: demand)
        }
    }

    init(_ demands: AccessDemands) {
        tokens = demands.tokens.map {
            Source("ACCESS_TOKENS", $0, maxBytes: TokenFile.maxBytes, demanding: .secret)
        }
        keys = demands.webTokens.map {
            Source("ACCESS_JWKS", $0.keys, maxBytes: WebKeySet.maxBytes, demanding: .trusted)
        }
    }

    /// Reads all files for the first time.
    ///
    /// - Throws: ``AccessError`` that names the setting and the file.
    func load() async throws(AccessError) -> (tokens: [TokenEntry]?, keys: WebKeySet?) {
        var found: (tokens: [TokenEntry]?, keys: WebKeySet?) = (nil, nil)
        for change in await changes(always: true) {
            switch change {
            case .tokens(let entries): found.tokens = entries
            case .keys(let keys): found.keys = keys
            case .failed(let setting, let reason): throw AccessError("\(setting): \(reason)")
            case .recovered: break
            }
        }
        return found
    }

    /// Looks at all files and gives what has changed to `apply`, in order: never while another look is under way.
    ///
    /// - Parameter always: whether files are read even if they seem to be the same.
    func look(always: Bool, _ apply: @Sendable (Change) -> Void) async {
        guard !isLooking else {
            next = next == true || always
            return
        }
        isLooking = true
        var always = always
        while true {
            for change in await changes(always: always) { apply(change) }
            guard let again = next else { break }
            (always, next) = (again, nil)
        }
        isLooking = false
    }

    private func changes(always: Bool) async -> [Change] {
        var changes: [Change] = []
        if var source = tokens {
            let path = source.file.path
            if let bytes = Self.read(&source, always, &changes) {
                do throws(AccessError) {
                    let entries = try TokenFile.entries(in: bytes)
                    changes.append(Self.taken(bytes, from: &source) ?? .tokens(entries))
                } catch {
                    changes.append(Self.failure("\(path): \(error)", of: &source))
                }
            }
            tokens = source
        }
        if var source = keys {
            let path = source.file.path
            if let bytes = Self.read(&source, always, &changes) {
                do throws(AccessError) {
                    let set = try await WebKeySet(bytes)
                    changes.append(Self.taken(bytes, from: &source) ?? .keys(set))
                } catch {
                    changes.append(Self.failure("\(path): \(error)", of: &source))
                }
            }
            keys = source
        }
        return changes
    }

    /// The bytes of a file that must be taken in; nil if there is nothing new.
    private static func read(_ source: inout Source, _ always: Bool, _ changes: inout [Change]) -> [UInt8]? {
        switch source.file.look(always: always) {
        case .unchanged: return nil
        case .failed(let error):
            changes.append(failure("\(error)", of: &source))
            return nil
        case .read(let bytes): return bytes
        }
    }

    private static func failure(_ reason: String, of source: inout Source) -> Change {
        source.isFailing = true
        return .failed(setting: source.setting, reason: reason)
    }

    /// Notes what is in force from now on; what to say if that is what was in force before.
    private static func taken(_ bytes: [UInt8], from source: inout Source) -> Change? {
        defer { (source.bytesInForce, source.isFailing) = (bytes, false) }
        return bytes == source.bytesInForce ? .recovered(setting: source.setting) : nil
    }
}
