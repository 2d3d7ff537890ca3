"""The text of a DBC file, cut into statements: the half of reading one that knows no CAN."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENCODINGS = ("utf-8-sig", "cp1252", "gb18030")


def decode(raw: bytes) -> str:
    """The bytes of a file as text, by the first encoding that fits; never fails."""
    for encoding in _ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Windows-1252 takes nearly any bytes: Chinese text in it is letters with accents in long rows.
        if encoding != "cp1252" or not re.search(r"[\x80-\xff]{4}", raw.decode("latin-1")):
            return text
    return raw.decode("latin-1")


KEYWORD = re.compile(
    r"[ \t]*(VERSION|NS_|BS_|BU_|BO_|SG_|EV_|ENVVAR_DATA_|VAL_|VAL_TABLE_|CM_|BO_TX_BU_|BA_DEF_|BA_DEF_DEF_"
    r"|BA_DEF_REL_|BA_DEF_DEF_REL_|BA_REL_|BA_|SIG_GROUP_|SIG_VALTYPE_|SG_MUL_VAL_|SGTYPE_|SIG_TYPE_REF_"
    r"|SIGTYPE_VALTYPE_|BU_SG_REL_|BU_EV_REL_|BU_BO_REL_|FILTER|CAT_DEF_|CAT_|EV_DATA_|SGTYPE_VAL_"
    r"|BA_DEF_SGTYPE_|BA_SGTYPE_)(?=[\s:]|$)"
)
_TO_SEMICOLON = {"VAL_", "VAL_TABLE_", "CM_", "BO_TX_BU_", "BA_", "SIG_VALTYPE_", "SG_MUL_VAL_"}
_NEXT_STATEMENT = re.compile(
    r'BO_ \d|[ \t]*SG_ \w[^"]*:[^"]*\|[^"]*@|(?:CM_|BA_|BA_DEF_|BA_DEF_DEF_) |VAL_ \d|SIG_VALTYPE_ \d'
)


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Statements with the number of their first line. One that ends with ";" may take several lines."""
    lines = re.split(r"\r\n|\r|\n", text)
    at = 0
    while at < len(lines):
        first = at
        statement = [lines[at]]
        at += 1
        keyword = KEYWORD.match(statement[0])
        named_only = keyword and keyword[0].strip() == statement[0].strip()  # in the list after NS_
        if keyword and keyword[1] in _TO_SEMICOLON and not named_only:
            open_string = statement[0].count('"') % 2 == 1
            while open_string or not statement[-1].rstrip().endswith(";"):
                if at >= len(lines) or _NEXT_STATEMENT.match(lines[at]):
                    break
                if not open_string and KEYWORD.match(lines[at]):
                    break
                statement.append(lines[at])
                open_string ^= lines[at].count('"') % 2 == 1
                at += 1
        if statement[0].strip() and not named_only:
            yield first + 1, "\n".join(statement)
