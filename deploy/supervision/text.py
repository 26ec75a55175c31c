"""Text of others, made fit to be shown."""


def on_one_line(line: str) -> str:
    """The line, with whatever is not printable escaped, so that it cannot move a terminal's cursor."""
    return "".join(
        character if character.isprintable() or character == "\t" else character.encode("unicode_escape").decode()
        for character in line
    )
