"""Check that every text of the project has its translation: `python -m tests.translations`.

Untranslated and doubtful (fuzzy) entries are found always; texts that never reached the catalogue, where GNU gettext
is installed (CI installs it).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGES = ("it",)  # English is the language of the source
SOURCES = ("config", "fundraising", "payments", "receipts", "templates", "locale", "manage.py")


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def untranslated(language: str) -> list[str]:
    """Texts without a translation, or with a doubtful one."""
    found = []
    for path in sorted((PROJECT / "locale" / language / "LC_MESSAGES").glob("*.po")):
        for message in catalogue(path):
            texts = message.string if isinstance(message.string, tuple | list) else [message.string]
            if message.id and (message.fuzzy or not all(texts)):
                found.append(str(message.id))
    return found


def uncollected(language: str) -> list[str]:
    """Texts in code and templates that the catalogue lacks; found on a copy, so that nothing here is changed."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in SOURCES:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, copy / name)
        command = [sys.executable, "-m", "django", "makemessages", "-l", language, "--no-obsolete"]
        subprocess.run(command, cwd=copy, check=True, capture_output=True)
        path = Path("locale") / language / "LC_MESSAGES" / "django.po"
        known = {str(message.id) for message in catalogue(PROJECT / path)} if (PROJECT / path).exists() else set()
        return sorted({str(message.id) for message in catalogue(copy / path)} - known)


def main() -> int:
    """Print what is missing; return an exit code."""
    failed = False
    for language in LANGUAGES:
        missing = {"untranslated or fuzzy": untranslated(language)}
        if shutil.which("xgettext"):
            missing["not in the catalogue (run `manage.py makemessages`)"] = uncollected(language)
        else:
            print("GNU gettext is not installed: texts that never reached the catalogue are not looked for.")
        for what, texts in missing.items():
            failed = failed or bool(texts)
            print(f"{language}: {len(texts)} {what}")
            for text in texts[:20]:
                print(f"    {text!r}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
