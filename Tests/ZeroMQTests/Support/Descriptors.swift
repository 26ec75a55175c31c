import Glibc

/// How many descriptors this process has open.
func descriptors() -> Int { (0..<Int32(1024)).count { fcntl($0, F_GETFD) >= 0 } }

/// The most that may be open after `rounds` rounds which give everything back: fewer than if each kept a single one.
/// (Dispatch opens a few of its own when it first needs them.)
func mostDescriptors(after rounds: Int, from before: Int) -> Int { before + rounds / 2 }
