// Does one hot part of Daybook a number of times and nothing else, for Tests/Guards/run to count what it takes. Nothing
// here depends on time or chance: what differs between two runs is only the number.
internal import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.isEmpty {
    for part in HotPart.all { print(part.name) }
} else if arguments.count == 2, let part = HotPart.all.first(where: { $0.name == arguments[0] }),
    let count = Int(arguments[1]), count > 0
{
    try part.run(count)
} else {
    FileHandle.standardError.write(Data("usage: hot-parts [PART COUNT]; without arguments it lists the parts\n".utf8))
    exit(64)
}
