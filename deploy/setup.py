"""Set up this checkout: virtual environment, hash-locked packages, system libraries, compiled translations.

Runs on the bare standard library. A second run only looks and takes a moment.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
from receipts.documents import fonts  # noqa: E402  bare standard library too

VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
INSTRUCTION = """
WeasyPrint, which makes the receipts, needs Pango on this machine. Install it and run this again:
  Debian, Ubuntu: sudo apt-get install {packages}
  Fedora: sudo dnf install pango harfbuzz · macOS: brew install pango"""
SLOW = (
    "Without the library harfbuzz-subset receipts are made several times slower: apt-get install libharfbuzz-subset0."
)
FONTS_MISSING = (
    "Receipts with letters that no font here has are refused. To print every name: sudo apt-get install {packages}"
    " (elsewhere: install Noto, with CJK and emoji)."
)
APT = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"]


def main(kind: str) -> int:
    began = time.monotonic()
    did = [make_environment(), install(kind), system_libraries(), names_in_every_script(), translations()]
    if any(did) and time.monotonic() - began >= 1:
        print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)
    return 0


def make_environment() -> bool:
    """Make the virtual environment unless a working one is there."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0:
        return False
    version = ".".join(str(part) for part in sys.version_info[:3])
    say(f"Making the virtual environment .venv with Python {version} …")
    base = getattr(sys, "_base_executable", sys.executable)  # not the broken environment's own
    shutil.rmtree(VENV, ignore_errors=True)
    if base == sys.executable:
        venv.create(VENV, with_pip=True, symlinks=True)
    else:
        subprocess.run([base, "-m", "venv", VENV], check=True)
    return True


def install(kind: str) -> bool:
    """Install the locked packages, each checked against its hash, unless this very list is installed."""
    wanted = PROJECT / "requirements" / f"{kind}.txt"
    stamp, digest = VENV / f"installed-{kind}", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return False
    total = sum("==" in line and not line.startswith((" ", "#")) for line in wanted.read_text().splitlines())
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pip = subprocess.Popen(
        [*command, "--progress-bar=off", "-r", wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
    )
    seen, lines = 0, []
    assert pip.stdout is not None
    for line in pip.stdout:
        lines.append(line)
        if line.startswith(("Collecting", "Requirement already", "Ignoring")):
            seen += 1
            progress(f"Fetching packages, each checked against its hash: {min(seen, total)} of {total}")
        elif line.startswith("Installing"):
            progress("Installing packages …")
    if pip.wait():
        sys.exit("".join(["\n", *lines[-25:], "\nInstalling the packages failed; the lines above say why."]))
    progress(f"Installed {total} packages.\n")
    stamp.write_text(digest)
    return True


def system_libraries() -> bool:
    """See that WeasyPrint finds its libraries: installed where we may, asked for in one line where we may not."""
    missing = not weasyprint_works()
    if not missing and subset_library():
        return False
    if may_install():
        say("Installing Pango and HarfBuzz by apt-get …")
        apt_install(APT)
        missing = not weasyprint_works()
    if missing:
        sys.exit(INSTRUCTION.format(packages=" ".join([*APT, *fonts.PACKAGES])))
    if not subset_library():
        say(SLOW)
    return True


def names_in_every_script() -> bool:
    """See that receipts can print names in every script: 130 MB of fonts, without which they are refused."""
    stamp = VENV / "fonts-looked-for"
    if not (missing := fonts.missing_packages()) or stamp.exists():
        return False
    if may_install():
        say("Installing fonts for names in every script by apt-get …")
        apt_install(missing)
    if missing := fonts.missing_packages():
        say(FONTS_MISSING.format(packages=" ".join(missing)))
    stamp.touch()  # said once, tried once; `manage.py check` goes on saying it
    return True


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL, env=env)
    command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=env)


def weasyprint_works() -> bool:
    stamp = VENV / "weasyprint-works"  # importing it takes a second
    if not stamp.exists() and subprocess.run([PYTHON, "-c", "import weasyprint"], capture_output=True).returncode == 0:
        stamp.touch()
    return stamp.exists()


def subset_library() -> bool:
    """Whether HarfBuzz's font subsetting can be loaded; on macOS it comes with Pango."""
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libharfbuzz-subset.so.0")
    except OSError:
        return False
    return True


def translations() -> bool:
    """Compile translations that are newer than their compiled form; gettext's own programs are not needed."""
    did = False
    sources = [*PROJECT.glob("locale/*/LC_MESSAGES/*.po"), *PROJECT.glob("[a-z]*/locale/*/LC_MESSAGES/*.po")]
    for source in sorted(sources):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        babel = [PYTHON, "-m", "babel.messages.frontend", "compile", "-l", source.parts[-3]]
        subprocess.run([*babel, "-i", source, "-o", target], check=True, capture_output=True)
        did = True
    return did


def say(text: str) -> None:
    print(text, flush=True)


def progress(text: str) -> None:
    """Show a line that the next one replaces; on anything but a terminal, only the last one is shown."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)
    elif text.endswith(("\n", "…")):
        print(text.rstrip("\n"), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["base"], ["dev"]):
        sys.exit("usage: deploy/setup.sh base | dev")
    sys.exit(main(sys.argv[1]))
