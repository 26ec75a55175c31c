internal import EventLogProtocol
internal import EventSourcing
internal import Glibc
internal import JSON

/// The file in which a projection's checkpoint stands: a head in JSON, the projection's own lines, and a last line with a
/// digest of everything before it, a ``CheckpointSeal``.
///
/// It is written beside the old one, flushed, and put in its place at once, so that there is always a whole one.
struct CheckpointFile {
    /// Why a checkpoint cannot be used.
    struct Unusable: Error, CustomStringConvertible {
        let description: String

        init(description: String) { self.description = description }

        /// What cannot be done, and the system's reason.
        init(_ failure: String, _ code: Int32) { description = "\(failure): \(String(cString: strerror(code)))" }
    }

    let path: String
    let projection: String
    let fingerprint: Digest256
    /// What it is written with, and must have been written with to be believed; nil: only damage is noticed.
    let key: CheckpointKey?

    init(in folder: String, projection: String, fingerprint: Digest256, key: CheckpointKey? = nil) {
        path = "\(folder)/\(projection).checkpoint"
        self.projection = projection
        self.fingerprint = fingerprint
        self.key = key
    }

    // MARK: writing

    /// Writes a checkpoint with the lines that `body` gives.
    func write(_ checkpoint: LogCheckpoint, _ body: (_ line: ([UInt8]) throws -> Void) throws -> Void) throws {
        guard let logID = checkpoint.logID, let hash = checkpoint.hash else {
            throw Unusable(description: "the log is not known yet")
        }
        let temporary = path + ".new"
        let file = try makeAnew(temporary)
        do {
            var seal = CheckpointSeal(key)
            func put(_ line: [UInt8]) throws {
                let whole = line + [UInt8(ascii: "\n")]
                guard fwrite(whole, 1, whole.count, file) == whole.count else { throw systemError("write", temporary) }
            }
            func putHashed(_ line: [UInt8]) throws {
                seal.add(line)
                try put(line)
            }
            try putHashed(head(logID, checkpoint.position, hash))
            try body(putHashed)
            try put(seal.line)
            guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw systemError("flush", temporary) }
        } catch {
            fclose(file)
            throw error
        }
        guard fclose(file) == 0 else { throw systemError("close", temporary) }
        guard rename(temporary, path) == 0 else { throw systemError("rename", temporary) }
    }

    /// A new file, for this user alone.
    ///
    /// What stands at the path is what a killed process left, or what somebody put there, and goes: were it opened, a
    /// symbolic link would have its target overwritten, and a pipe would be waited for.
    private func makeAnew(_ path: String) throws -> UnsafeMutablePointer<FILE> {
        guard unlink(path) == 0 || errno == ENOENT else { throw systemError("remove", path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR)
        guard descriptor >= 0 else { throw systemError("make", path) }
        // Whatever the umask took away.
        guard fchmod(descriptor, S_IRUSR | S_IWUSR) == 0 else {
            defer { close(descriptor) }
            throw systemError("make", path)
        }
        guard let file = fdopen(descriptor, "w") else {
            defer { close(descriptor) }
            throw systemError("make", path)
        }
        return file
    }

    private func head(_ logID: UniqueID, _ position: UInt64, _ hash: Digest256) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("projection", projection), ("schema", fingerprint.description), ("log", logID.description),
            ("hash", hash.description),
        ] {
            writer.member(name: name)
            writer.string(value)
        }
        writer.member("position")
        writer.integer(position)
        writer.endObject()
        return writer.bytes
    }

    // MARK: reading

    /// Reads a checkpoint; nil where there is no file.
    ///
    /// - Parameter body: reads the projection's lines.
    /// - Throws: ``Unusable`` if the file is damaged, of another projection or of another schema, or not written with
    ///   the key.
    func read<Value>(
        _ body: (_ nextLine: () throws -> [UInt8]?) throws -> Value
    ) throws -> (checkpoint: LogCheckpoint, value: Value)? {
        guard let lines = try CheckpointLines.open(path) else { return nil }
        if key != nil {
            // Before anything is made of what stands in it, however much that is.
            try authenticate(lines)
            try lines.rewind()
        }
        guard let first = try lines.next() else { throw Unusable(description: "it is empty") }
        let checkpoint = try checkpoint(from: first)
        var seal = CheckpointSeal(key)
        seal.add(first)
        var ahead = try lines.next()
        let value = try body {
            // The last line is not the projection's.
            guard let line = ahead, let following = try lines.next() else { return nil }
            ahead = following
            seal.add(line)
            return line
        }
        try seal.verify(ahead)
        guard try lines.next() == nil else { throw Unusable(description: "it goes on after its digest") }
        return (checkpoint, value)
    }

    private func authenticate(_ lines: CheckpointLines) throws {
        var seal = CheckpointSeal(key)
        var last = try lines.next()
        while let line = last, let following = try lines.next() {
            seal.add(line)
            last = following
        }
        try seal.verify(last)
    }

    private func checkpoint(from line: [UInt8]) throws -> LogCheckpoint {
        var texts: [String: String] = [:]
        var position: UInt64?
        var reader = JSONReader(line)
        try reader.readObject { name, reader throws(JSONError) in
            if name == "position" {
                position = UInt64(try reader.readNumberLiteral())
            } else {
                texts[name] = try reader.readString()
            }
        }
        try reader.finish()
        guard texts["projection"] == projection, texts["schema"] == fingerprint.description else {
            throw Unusable(description: "it is of another projection, or of another version of it")
        }
        guard let position, position <= RecordedEvent.maxOrdinal, let logID = texts["log"].flatMap({ UniqueID($0) }),
            let hash = texts["hash"].flatMap({ Digest256(hexadecimal: $0) })
        else { throw Unusable(description: "its head is damaged") }
        return LogCheckpoint(logID: logID, position: position, hash: hash)
    }

    private func systemError(_ operation: String, _ path: String) -> Unusable {
        Unusable("cannot \(operation) \(path)", errno)
    }
}
