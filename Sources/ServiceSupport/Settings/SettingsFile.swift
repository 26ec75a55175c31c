internal import Glibc

/// A file of settings, such as `.env`: `NAME=VALUE` lines, read by ``SettingsFileParser``.
package struct SettingsFile: Sendable {
    /// A value and where it stands.
    package struct Entry: Hashable, Sendable {
        /// The value, without quotes and comments.
        package let value: String
        /// The line in which its statement begins, from 1.
        package let line: Int
    }

    /// More would be no file of settings.
    private static let maxBytes = 1 << 20

    /// The path, as it was given.
    package let path: String
    private let entries: [String: Entry]

    /// Reads a file.
    ///
    /// - Parameter isOptional: whether the file may be missing; it then has no settings.
    /// - Throws: ``SettingError`` if the file, or a line of it, cannot be read; the message names both.
    package init(path: String, isOptional: Bool) throws(SettingError) {
        self.path = path
        guard let bytes = try Self.bytes(of: path, isOptional: isOptional) else {
            entries = [:]
            return
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingError("the settings file \(path) is not UTF-8 text")
        }
        do {
            entries = try SettingsFileParser.entries(in: text)
        } catch {
            throw SettingError("\(path), line \(error.line): \(error.problem.onOneLine)")
        }
    }

    /// What the file says of a setting, if anything.
    package subscript(name: String) -> Entry? { entries[name] }

    /// All bytes of the file; nil if it is missing and may be.
    private static func bytes(of path: String, isOptional: Bool) throws(SettingError) -> [UInt8]? {
        // Without O_NONBLOCK, a FIFO under this name would keep the program waiting for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if isOptional, errno == ENOENT { return nil }
            if errno == ELOOP { throw failure(path, "it is a symbolic link: name the file itself") }
            throw failure(path, String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw failure(path, "it is not a regular file") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= maxBytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        throw failure(path, "it is longer than \(maxBytes) bytes")
    }

    private static func failure(_ path: String, _ reason: String) -> SettingError {
        SettingError("cannot read the settings file \(path): \(reason)")
    }
}

extension String {
    /// The text with control characters, and those that reorder or break lines, written as `\u{…}`.
    package var onOneLine: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
