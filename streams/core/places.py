"""
Places: on which line of a TOML text a table or a field stands; the reader of TOML does not tell.

Law: for a text that is TOML every table's header and every key before an equals sign has a line, and what has none of
its own (an element of a list, a field that is missing) has that of whatever it stands in; the text as a whole has 1.
"""

import re
from typing import Final

Path = tuple[str | int, ...]
"""Where something stands: the names of tables and fields, and for [[tables]] their number from 0."""

_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"""+|\'\'\'.*?\'\'\'+|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<end>\n)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<sign>[=.,])|(?P<word>[^\s\[\]{}=.,#\"']+)",
    re.DOTALL,
)


class Places:
    """The lines of one text, from 1."""

    def __init__(self, text: str) -> None:
        """Find every header and every field of a text that is TOML."""
        self._lines: dict[Path, int] = {(): 1}
        self._tables: dict[Path, int] = {}
        self._here: Path = ()
        line, statement, depth, begun = 1, list[str](), 0, 1
        for token in _TOKEN.finditer(text + "\n"):
            kind, word = token.lastgroup, token.group()
            if kind == "end" and depth == 0:
                self._note(statement, begun)
                statement = []
            elif kind not in ("comment", "end"):
                if not statement:
                    begun = line
                statement.append(word)
                depth += (kind == "open") - (kind == "close")
            line += word.count("\n")

    def line(self, path: Path) -> int:
        """Say the line of a place, or of the nearest it stands in."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _note(self, statement: list[str], line: int) -> None:
        if not statement:
            return
        if statement[0] != "[":
            self._keep(self._here + _names(statement[: statement.index("=")]), line)
        elif statement[1] == "[":
            path = self._within(_names(statement[2:-2]))
            number = self._tables[path] = self._tables.get(path, -1) + 1
            self._here = (*path, number)
            self._keep(self._here, line)
        else:
            self._here = self._within(_names(statement[1:-1]))
            self._keep(self._here, line)

    def _within(self, names: Path) -> Path:
        """Say where a header leads: through the latest of [[tables]] on the way, but not into that at its end."""
        path: Path = ()
        for at, name in enumerate(names):
            path = (*path, name)
            if at + 1 < len(names) and path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _keep(self, path: Path, line: int) -> None:
        for size in range(1, len(path) + 1):
            self._lines.setdefault(path[:size], line)


def _names(tokens: list[str]) -> Path:
    """
    Read a dotted key; quotes are taken off.

    >>> _names(["brand", ".", '"max_length"'])
    ('brand', 'max_length')
    """
    return tuple(token[1:-1] if token[0] in "\"'" else token for token in tokens if token != ".")
