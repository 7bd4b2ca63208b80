import re
import subprocess
import sys
from pathlib import Path

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", folder / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
    )


def copy_of(root: Path, folder: Path) -> Path:
    for package in ("pdp", "enforcers"):
        for source in (root / package).rglob("*.py"):
            target = folder / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (folder / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
    return folder


def test_imports_keep_their_direction(root: Path) -> None:
    done = lint(root)
    assert done.returncode == 0, done.stdout


def test_an_import_against_the_direction_is_noticed(root: Path, tmp_path: Path) -> None:
    folder = copy_of(root, tmp_path)
    (folder / "pdp" / "core" / "contract" / "stray.py").write_text("import cedarpy\nimport pdp.core.settings.model\n")
    (folder / "enforcers" / "stray").mkdir()
    (folder / "enforcers" / "stray" / "__init__.py").write_text("import pdp.cli.main\nimport fastapi\n")
    (folder / "pdp" / "core" / "identity" / "stray.py").write_text("import enforcers.decision_source\n")
    done = lint(folder)
    assert done.returncode == 1
    broken = re.findall(r"(?m)^(.*?) ?BROKEN", done.stdout)
    assert {name.partition(":")[0] for name in broken} >= {
        "pdp.core",
        "enforcers",
        "pdp never imports enforcers",
        "enforcers import from pdp only core, tokens, hosting and spool",
        "cedarpy is known to pdp.core.engine.cedar alone",
        "fastapi is known to pdp.server alone",
    }
