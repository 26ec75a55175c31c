internal import Glibc

/// How a setting's text names a file: as it stands, except that `~/` at its beginning is the home folder. A shell
/// replaces it only at the beginning of a word, so not in `sqlite:~/daybook.db`, and never in a settings file.
package enum SettingPath {
    /// The path with its `~` replaced.
    ///
    /// - Parameter home: the home folder, if it is known.
    /// - Throws: ``SettingError`` for the home folder of another user, and if the home folder is not known. A file whose
    ///   name begins with `~` is written `./~…`.
    package static func expanded(
        _ text: String, home: String? = getenv("HOME").map { String(cString: $0) }
    ) throws(SettingError) -> String {
        guard text.hasPrefix("~") else { return text }
        guard text == "~" || text.hasPrefix("~/") else {
            throw SettingError("only ~/ is understood: write the path of another user's folder in full")
        }
        guard let home, home.hasPrefix("/") else {
            throw SettingError("~ needs the environment variable HOME, which is not set: write the path in full")
        }
        return home + text.dropFirst()
    }
}
