"""Mutation testing of `metrics/`: cosmic-ray's mutants, each in a process of its own that has only begun.

    python mutate_metrics.py -o mutants.jsonl                 every module
    python mutate_metrics.py -o mutants.jsonl timing psnr     some
    python mutate_metrics.py -o mutants.jsonl --summary       the table and the survivors of what was measured

It goes on where it was ended, and tries again what survived.

A mutant is one small change of one module. It is killed where the module's own tests fail, take ten times as long, or
cannot be begun. What changes no number is not mutated: annotations, what compiles or keeps a function.

cosmic-ray makes the mutants; its way of running them, a new interpreter each, takes a day for these. Here a process
that has the libraries, but nothing of talkbench, divides itself for each mutant, which lives in memory only.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
METRICS = TESTS.parent / "metrics"
OWN = {
    "blinks": ["motion"],
    "cpbd": ["cpbd"],
    "cpbd_kernels": ["cpbd"],
    "csim": ["identity_emotion"],
    "dynamics": ["dynamics"],
    "emotion": ["identity_emotion"],
    "f_lmd": ["landmarks"],
    "face_shape": ["dynamics", "motion", "head_pose"],
    "flicker": ["regions"],
    "frames": ["psnr", "ssim"],
    "frechet": ["network_distances"],
    "head_pose": ["head_pose"],
    "jitter": ["motion"],
    "landmarks": ["landmarks", "protocols/test_switches"],
    "lvd": ["protocols/test_switches", "tensors"],
    "m_lmd": ["landmarks"],
    "mfcc": ["syncnet"],
    "mouth_motion": ["motion"],
    "ms_ssim": ["ms_ssim"],
    "ms_ssim_kernels": ["ms_ssim"],
    "onnx_network": ["identity_emotion"],
    "perceptual": ["network_distances"],
    "psnr": ["psnr", "protocols/test_switches"],
    "regions": ["regions"],
    "ssim": ["ssim", "protocols/test_switches"],
    "ssim_kernels": ["ssim"],
    "syncnet": ["syncnet"],
    "tensors": ["tensors"],
    "timing": ["timing"],
    "torch_weights": ["network_distances", "syncnet"],
    "voice": ["voice"],
}
"""The tests of each module, beside those of the registry and the differential ones."""
KERNELS = ("cpbd_kernels", "ms_ssim_kernels", "ssim_kernels")
"""Modules that numba compiles: a mutant's code must not be kept, nor another's be taken for it."""
OPERATORS = re.compile(
    "AddNot|NumberReplacer|RemoveDecorator|ExceptionReplacer|ZeroIterationForLoop"
    "|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr|ReplaceOrWithAnd"
    "|ReplaceBreakWithContinue|ReplaceContinueWithBreak"
    "|ReplaceUnaryOperator_(USub_UAdd|Delete_Not|Delete_Invert)"
    "|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul|Pow_Mul|BitOr_BitAnd|BitAnd_BitOr)"
    "|ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt|Is_IsNot|IsNot_Is)"
)
"""One or two replacements of each operator: more of them, such as + by <<, only fail at once and flatter the figure."""
ONLY_SPEED = {"kernel", "_part", "_filter", "_total", "lru_cache", "cache", "numba"}
"""Decorators that change no number."""
UNUSED = ("cacheprovider", "xdist", "unraisableexception", "threadexception")
"""Plug-ins of pytest that each mutant can do without."""
PROBE = """
import contextlib, io, json, sys
import pytest
with contextlib.redirect_stdout(io.StringIO()):
    pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest_benchmark", *sys.argv[1:]])
third = [name for name, module in sys.modules.items()
         if "site-packages" in (getattr(module, "__file__", None) or "") and "talkbench" not in name]
sys.stdout.write(json.dumps(third))
"""
"""Says which modules of libraries the tests bring."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the operator and its how-manieth place there, and the first line that differs."""

    module: str
    operator: str
    occurrence: int
    line: int
    change: str

    @property
    def key(self) -> str:
        return f"{self.module}:{self.operator}:{self.occurrence}"


def mutants(module: str) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its lines."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    source = (METRICS / f"{module}.py").read_text(encoding="utf-8")
    spared = list(untouched(ast.parse(source)))
    tree, found = get_ast(source), []
    for name in operator_names():
        if not OPERATORS.fullmatch(name.removeprefix("core/")):
            continue
        operator = get_operator(name)()
        places = ((node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        for occurrence, (node, start) in enumerate(places):
            if any(low <= start < high for low, high in spared) or node.parent.type == "parameters":
                continue
            changed = mutated(source, name, occurrence)
            pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
            before, after = next(((a, b) for a, b in pairs if a != b), ("", ""))
            if before and compiles(changed):
                found.append(Mutant(module, name, occurrence, start[0], f"{before.strip()}  →  {after.strip()}"))
    yield from sorted(found, key=lambda one: (one.line, one.key))


def compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def mutated(source: str, operator: str, occurrence: int) -> str:
    """Return the source with one change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    return mutate_code(source, get_operator(operator)(), occurrence)


def untouched(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where annotations, casts' types, imports for types and decorators that change no number lie."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts = [one for one in node.decorator_list if ONLY_SPEED & set(re.split(r"\W+", ast.unparse(one)))]
        if isinstance(node, ast.FunctionDef):
            parts += [node.returns, *(one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg))]
        if isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("cast", "TypeVar"):
            parts = [node.args[0], *node.keywords]
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts = [*node.body]
        for part in parts:
            if part is not None:
                column = part.col_offset - (1 if isinstance(node, ast.ClassDef | ast.FunctionDef) else 0)
                yield (part.lineno, max(0, column)), (part.end_lineno, part.end_col_offset)


class Changed(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Gives one module of `metrics/` another source than that of its file."""

    def __init__(self, module: str, source: str) -> None:
        super().__init__(f"talkbench.metrics.{module}", str(METRICS / f"{module}.py"))
        self.source = source

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self.path)

    def get_code(self, fullname):
        return compile(self.source, self.path, "exec", dont_inherit=True)


def test(module: str, source: str | None, seconds: float, kept: str) -> tuple[str, float]:
    """Run a module's tests on another source in a process of their own; return the outcome and the time taken."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(tested(module, source, kept))
    while time.monotonic() - start < seconds:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return {0: "survived", 1: "killed"}.get(code, "not begun"), time.monotonic() - start
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too slow", seconds


def tests_of(module: str) -> list[str]:
    return [
        f"{TESTS}/{name if '/' in name else f'metrics/test_{name}'}.py"
        for name in (*OWN[module], "differential", "registry")
    ]


def tested(module: str, source: str | None, kept: str) -> int:
    import pytest

    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(sink, stream)
    os.environ["NUMBA_CACHE_DIR"] = kept
    importlib.import_module("numba.core.config").reload_config()
    if source is not None:
        sys.meta_path.insert(0, Changed(module, source))
    skipped = ["--deselect", f"{TESTS}/metrics/test_ssim.py::test_processes_that_fill_the_cache_at_once"]
    unused = itertools.chain.from_iterable(("-p", f"no:{name}") for name in UNUSED)
    return int(pytest.main(["-x", "-q", *unused, *skipped, *tests_of(module)]))


def begin(modules: list[str]) -> None:
    """Import the libraries, so that no mutant needs to; and have hypothesis stop at the first example that fails."""
    import hypothesis

    files = {file for module in modules for file in tests_of(module)}
    for name in json.loads(subprocess.run([sys.executable, "-c", PROBE, *files], stdout=-1, check=True).stdout):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutants", phases=phases, database=None, derandomize=True)
    hypothesis.settings.load_profile("mutants")
    gc.freeze()  # what is shared stays shared


def measure(module: str, todo: list[Mutant], workers: int) -> Iterator[tuple[Mutant, str, float]]:
    """Test all mutants of a module, after the module as it is, whose tests must pass."""
    source = (METRICS / f"{module}.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as kept, ThreadPoolExecutor(workers) as pool:
        test(module, None, 600, kept)  # compiles
        outcome, whole = test(module, None, 600, kept)
        if outcome != "survived":
            raise SystemExit(f"{module}: its tests do not pass without a mutant ({outcome})")

        def one(mutant: Mutant) -> tuple[Mutant, str, float]:
            changed = mutated(source, mutant.operator, mutant.occurrence)
            if module not in KERNELS:
                return mutant, *test(module, changed, 10 * whole + 10, kept)
            with tempfile.TemporaryDirectory() as own:
                return mutant, *test(module, changed, 10 * whole + 60, own)

        yield from pool.map(one, todo)


def summary(results: list[dict]) -> str:
    """Return the table by module, and the survivors."""
    lines = ["| module | mutants | killed | share |", "|---|---|---|---|"]
    counts = collections.defaultdict(collections.Counter)
    for one in results:
        counts[one["module"]][one["outcome"]] += 1
    total = sum(counts.values(), collections.Counter())
    for name, count in (*sorted(counts.items()), ("all", total)):
        every = count.total()
        killed = every - count["survived"]
        lines.append(f"| `{name}` | {every} | {killed} | {100 * killed / every:.1f} % |")
    lines += ["", ", ".join(f"{outcome} {n}" for outcome, n in sorted(total.items())), ""]
    survivors = [one for one in results if one["outcome"] == "survived"]
    return "\n".join([*lines, *(f"{one['module']}.py:{one['line']}: {one['change']}" for one in survivors)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", choices=[*OWN, []], help="of metrics/; usually all")
    parser.add_argument("-o", dest="out", type=Path, required=True, help="results, a line of JSON each")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the mutants of each module, drawn at random (seed 0)"
    )
    parser.add_argument("--summary", action="store_true", help="only print what is known")
    options = parser.parse_args()
    known = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    if not options.summary:
        again = options.modules or [*OWN]
        known = [one for one in known if one["outcome"] != "survived" or one["module"] not in again]
        have = {one["key"] for one in known}
        options.out.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in known))
        sys.path[:0] = [str(TESTS)]
        os.environ["TALKBENCH_DIFFERENTIAL_EXAMPLES"] = "10"
        os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:1], os.environ.get("PYTHONPATH", "")])
        os.chdir(TESTS.parent)
        begin(options.modules or [*OWN])
        with options.out.open("a") as handle:
            for module in options.modules or OWN:
                every = list(mutants(module))
                drawn = random.Random(0).sample(every, round(options.share * len(every)))  # noqa: S311
                todo = [one for one in every if one in drawn and one.key not in have]
                for mutant, outcome, seconds in measure(module, todo, options.workers) if todo else ():
                    record = vars(mutant) | {"key": mutant.key, "outcome": outcome, "seconds": round(seconds, 2)}
                    handle.write(json.dumps(record, ensure_ascii=False) + "\n")
                    handle.flush()
                    known.append(record)
                sys.stderr.write(f"{module}: {len(todo)} mutants\n")
    sys.stdout.write(summary(known) + "\n")


if __name__ == "__main__":
    main()
