"""User text as text: a method called `\\input{/etc/passwd}`, `<script>` or `=HYPERLINK(…)` prints as its name.

Every function takes one line of plain text and returns it for one format.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata

from ..bench.spreadsheet import no_formula

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$])")
_LATEX = {
    "–": "--",  # a font of another encoding has no such character, and leaves the place empty
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    # A row or rule takes what follows it for its option where that is a bracket or a star.
    "[": "{[}",
    "*": "{*}",
    "†": r"\dag{}",
    "∞": r"$\infty$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "−": "$-$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "χ": r"$\chi$",
    "ρ": r"$\rho$",
}
_LIGATURE = re.compile(r"([-!?,'])(?=[-`,'])")
"""Two hyphens would print as a dash, two apostrophes as a quotation mark, and so on."""


def one_line(text: str) -> str:
    """Collapse white space and drop control characters, which no table cell survives.

    >>> one_line(" Ours\\n(large)\\x1b[31m ")
    'Ours (large)[31m'
    """
    spaced = (" " if character.isspace() else character for character in text)
    shown = "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cs"))
    return " ".join(shown.split())


def markdown(text: str) -> str:
    r"""Escape for CommonMark and a table cell of GitHub's dialect.

    >>> print(markdown("a|b *c*"))
    a\|b \*c\*
    """
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text: str) -> str:
    """Quote as a code span whose fence is longer than any run of backticks inside."""
    text = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def latex(text: str) -> str:
    r"""Escape for LaTeX text.

    >>> print(latex("100 % of $x_1$"))
    100 \% of \$x\_1\$
    """
    escaped = "".join(_LATEX.get(character, character) for character in one_line(text))
    return _LIGATURE.sub(r"\1{}", escaped)


def latex_breakable(text: str) -> str:
    """Escape as `latex` does, and allow a line break after the separators: for signatures, which have no spaces."""
    pieces = re.split(r"(?<=[|,;/])", one_line(text))
    return r"\allowbreak ".join(latex(piece) for piece in pieces if piece)


def html(text: str) -> str:
    """Escape for HTML text and attributes."""
    return _html.escape(one_line(text), quote=True)


def csv(text: str) -> str:
    """Keep a spreadsheet from reading the text as a formula; quoting is the CSV writer's work.

    >>> csv("=1+1")
    "'=1+1"
    """
    return no_formula(one_line(text))
