"""What the package may not do, read off its source: run text, unpickle, call a shell, load weights as code.

Each rule is tried on a line that breaks it, so that none of them is blind.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import talkbench

ROOT = Path(talkbench.__file__).parent
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", "yaml.load", "input",
    "pd.read_pickle", "pandas.read_pickle", "joblib.load", "torch.hub.load", "tarfile.extractall",
}  # fmt: skip
WRITES_CSV = r"(?<!formats)\.to_csv$|csv\.writer$|csv\.DictWriter$"
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "telnetlib", "xmlrpc"}
PLUGINS = {"bench/registry.py": {"module_from_spec", "exec_module"}}
"""The one place that runs a user's code: metrics that the user names by file."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(ROOT.rglob("*.py")):
        inside = file.relative_to(ROOT)
        if inside.parts[0] in ("tests", "build", "dist") or inside.parts[0].startswith("."):
            continue
        yield str(inside), ast.parse(file.read_text(encoding="utf-8"))


def findings(tree: ast.AST) -> list[str]:
    """Name every forbidden thing in a source."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_IMPORTS]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_IMPORTS:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            found += _call(node)
    return found


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    last = name.rpartition(".")[2]
    if name in FORBIDDEN_CALLS or last in ("extractall", "exec_module"):
        yield name
    if given.get("shell", "False") != "False":
        yield f"{name}(shell=…)"
    if last == "load" and name.split(".")[0] in ("np", "numpy") and given.get("allow_pickle") != "False":
        yield f"{name} without allow_pickle=False"
    if name == "torch.load" and given.get("weights_only") != "True":
        yield f"{name} without weights_only=True"
    if given.get("allow_pickle") == "True" or given.get("trust_remote_code") == "True":
        yield f"{name} that trusts what it loads"
    if given.get("verify") == "False":
        yield f"{name} that checks no certificate"
    if last == "Environment" and "autoescape" not in given:
        yield f"{name} without autoescape"


def test_no_module_does_what_is_forbidden() -> None:
    checked = 0
    for name, tree in sources():
        checked += 1
        allowed = PLUGINS.get(name, set())
        assert [one for one in findings(tree) if one.rpartition(".")[2] not in allowed] == [], name
    assert checked > 100


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)", "exec(text)", "import pickle", "from pickle import loads", "import joblib.externals",
        "subprocess.run(text, shell=True)", "os.system(text)", "np.load(file)", "np.load(file, allow_pickle=True)",
        "torch.load(file)", "torch.load(file, weights_only=False)", "archive.extractall()", "yaml.load(text)",
        "jinja2.Environment()", "requests.get(url, verify=False)", "spec.loader.exec_module(module)",
        "torch.hub.load(name)", "subprocess.Popen(text, shell=wanted)",
    ],
)  # fmt: skip
def test_every_rule_sees(line: str) -> None:
    assert findings(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    ["np.load(f, allow_pickle=False)", "torch.load(f, weights_only=True)", "subprocess.run(words)", "re.compile(x)"],
)
def test_no_rule_sees_more(line: str) -> None:
    assert not findings(ast.parse(line))


def test_every_writer_of_csv_escapes_formulas() -> None:
    """A file that writes CSV names one of the two functions that escape its texts."""
    writers = [
        name
        for name, tree in sources()
        if any(isinstance(node, ast.Call) and re.search(WRITES_CSV, ast.unparse(node.func)) for node in ast.walk(tree))
    ]
    assert len(writers) >= 6
    for name in set(writers) - {"reference_model/training.py"}:  # a log of numbers under names of our own
        assert re.search(r"escape\.csv\(|safe_columns\(", (ROOT / name).read_text(encoding="utf-8")), name


def test_every_dependency_has_a_lower_bound() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = [*project["dependencies"], *(one for some in project["optional-dependencies"].values() for one in some)]
    assert [one for one in stated if not one.startswith("talkbench[") and ">=" not in one] == []
