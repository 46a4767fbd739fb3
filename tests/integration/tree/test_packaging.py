"""Wheel, sdist and editable install: each brings the pages, the catalog, the units and the templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import kiosk
from kiosk.version import RECORD, commit_of, described
from tests.documents import broken_links, documents

ROOT = Path(__file__).parents[3]
DATA = ("web", "models", "systemd", "server/templates")

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path | str = "/") -> str:
    """What a command prints in `folder`; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def data_files() -> set[str]:
    """Everything beside the code that the kiosk needs when it runs, as it lies in the working tree."""
    package = ROOT / "kiosk"
    files = [path for name in DATA for path in (package / name).rglob("*") if path.is_file()]
    others = {"node_modules", "__pycache__", "pictures"}  # pictures: of documents
    return {
        f"kiosk/{path.relative_to(package)}"
        for path in files
        if not others & set(path.parts) and path.suffix not in (".part", ".onnx")
    }


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path
    wheel_of_sdist: Path
    unpacked: Path


def members(archive: Path) -> list[str]:
    """File names in a wheel, or in an sdist below its one folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return sorted(name for name in wheel.namelist() if not name.endswith("/"))
    with tarfile.open(archive) as sdist:
        return sorted(one.name.split("/", 1)[1] for one in sdist.getmembers() if not one.isdir())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    run(*build, folder / "tree", "--sdist", "--wheel", ROOT)
    (sdist,) = (folder / "tree").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(*build, folder / "again", "--wheel", unpacked)
    (wheel,), (again,) = (folder / "tree").glob("*.whl"), (folder / "again").glob("*.whl")
    return Built(wheel, sdist, again, unpacked)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a fresh environment that has the wheel, and of this one what the wheel needs."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", built.wheel)
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # A folder named in a .pth file comes after the environment's own, and .pth files in it are not read: the
    # editable install that is perhaps there stays out of it.
    (purelib / "borrowed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return folder / "bin"


def test_the_data_files_are_there_to_be_packed() -> None:
    names = data_files()
    assert {
        "kiosk/web/viewer/index.html",
        "kiosk/web/booth/index.html",
        "kiosk/web/shared/i18n/en.json",
        "kiosk/models/catalog.toml",
        "kiosk/systemd/dreamkiosk.service",
        "kiosk/server/templates/error.html",
    } <= names


@pytest.mark.parametrize("form", ["wheel", "sdist", "wheel_of_sdist"])
def test_code_and_data_are_packed_and_nothing_else_is(built: Built, form: str) -> None:
    names = members(getattr(built, form))
    code = {f"kiosk/{path.relative_to(ROOT / 'kiosk')}" for path in (ROOT / "kiosk").rglob("*.py")}
    assert (data_files() | code) - set(names) == set()
    assert [name for name in names if "node_modules" in name or "__pycache__" in name] == []
    assert [name for name in names if Path(name).suffix in (".onnx", ".pyc", ".sqlite", ".part")] == []
    if form != "sdist":
        assert {name.split("/")[0] for name in names} <= {"kiosk", f"dream_kiosk-{kiosk.__version__}.dist-info"}


def test_a_wheel_made_from_the_sdist_is_the_same(built: Built) -> None:
    def contents(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}

    assert members(built.wheel_of_sdist) == members(built.wheel)
    assert contents(built.wheel_of_sdist) == contents(built.wheel)


def test_the_archives_are_small(built: Built) -> None:
    assert max(path.stat().st_size for path in (built.wheel, built.sdist)) < 5_000_000


def test_the_sdist_has_the_tests_and_what_they_read(built: Built) -> None:
    names = set(members(built.sdist))
    assert {"LICENSE", "README.md", "pyproject.toml", "tests/conftest.py", "tests/__main__.py", ".ci/run"} <= names


def test_links_in_documents_work_from_the_unpacked_sdist(built: Built) -> None:
    found = documents(built.unpacked)
    assert {"README.md", "web/README.md", "systemd/README.md", "models/README.md", "tests/bench/README.md"} <= {
        str(path.relative_to(built.unpacked)) for path in found
    }
    assert {str(path): broken for path in found if (broken := broken_links(path))} == {}


def test_the_wheel_carries_no_pictures_of_documents_and_no_link_to_what_it_lacks(built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(tmp_path)
    assert [path for path in (tmp_path / "kiosk").rglob("pictures") if path.parent.name == "models"] == []
    assert {str(path): broken for path in documents(tmp_path / "kiosk") if (broken := broken_links(path))} == {}


def test_the_tests_run_from_the_unpacked_sdist(built: Built) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", built.unpacked)
    assert "tests collected" in run(*command, "--collect-only", "tests", folder=built.unpacked)
    some = ("tests/unit/server/test_shares.py", "tests/unit/recipes/test_styles.py")
    assert "passed" in run(*command, *some, folder=built.unpacked)


def test_the_installed_command_helps_itself(installed: Path) -> None:
    text = run(installed / "dreamkiosk", "--help")
    assert "A 360 photo booth that dreams." in text
    assert "upscale" in text


@pytest.mark.parametrize("form", ["wheel", "sdist", "wheel_of_sdist"])
def test_the_commit_is_written_into_what_is_built(built: Built, form: str) -> None:
    assert (f"kiosk/{RECORD}" in members(getattr(built, form))) == (commit_of(ROOT) is not None)
    assert commit_of(built.unpacked) == commit_of(ROOT)


def test_the_installed_command_knows_its_version_and_commit(installed: Path) -> None:
    assert kiosk.__version__ in described()
    assert run(installed / "dreamkiosk", "--version") == f"dreamkiosk {described()}\n"


def test_the_installed_command_lists_the_networks(installed: Path, tmp_path: Path) -> None:
    answer = json.loads(run(installed / "dreamkiosk", "--data", tmp_path, "models", "list", "--json"))
    assert "squeezenet" in json.dumps(answer)


WHERE = """
import json
from pathlib import Path
import kiosk
from kiosk.recipes import catalog
from kiosk.server.pages.assets import WEB
package = Path(kiosk.__file__).parent
names = ["web/viewer/index.html", "models/catalog.toml", "systemd/dreamkiosk.service", "server/templates/error.html"]
print(json.dumps({
    "package": str(package),
    "missing": [name for name in names if not (package / name).is_file()],
    "styles": len(catalog.load().styles),
    "web": (WEB / "booth" / "index.html").is_file(),
}))
"""


def test_the_installed_package_finds_its_files_in_itself(installed: Path) -> None:
    found = json.loads(run(installed / "python", "-c", WHERE))
    assert Path(found["package"]).is_relative_to(installed.parent)
    assert found["missing"] == []
    assert found["styles"] > 0
    assert found["web"]


def test_an_editable_install_finds_them_in_the_working_tree(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=False)
    python = tmp_path / "bin" / "python"
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (purelib / "borrowed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    options = ("--no-deps", "--no-index", "--no-build-isolation")
    # The environment borrows the build backend as it borrows the other packages.
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, "--editable", ROOT)
    found = json.loads(run(python, "-c", WHERE))
    assert Path(found["package"]) == ROOT / "kiosk"
    assert found["missing"] == []
    assert found["styles"] > 0
    assert found["web"]
    assert "upscale" in run(tmp_path / "bin" / "dreamkiosk", "--help")
    assert run(tmp_path / "bin" / "dreamkiosk", "--version") == f"dreamkiosk {described()}\n"
