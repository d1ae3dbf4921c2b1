"""Check that every text of the project has its translation: `python -m tests.translations`.

Untranslated and doubtful (fuzzy) entries are found always; texts that never reached the catalogue, where GNU gettext
is installed (CI installs it).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGES = ("it",)  # English is the language of the source
SOURCES = ("config", "fundraising", "payments", "receipts", "templates", "locale", "manage.py")


def catalogues(root: Path, language: str) -> list[Catalog]:
    """The project's catalogue and those of the apps that keep their own."""
    found = [
        *root.glob(f"locale/{language}/LC_MESSAGES/*.po"),
        *root.glob(f"[a-z]*/locale/{language}/LC_MESSAGES/*.po"),
    ]
    catalogues = []
    for path in sorted(found):
        with path.open("rb") as file:
            catalogues.append(read_po(file))
    return catalogues


def identity(message: Message) -> tuple[str, str]:
    return (message.context or "", str(message.id))


def untranslated(language: str) -> list[str]:
    """Texts without a translation, or with a doubtful one."""
    found = []
    for message in (message for catalogue in catalogues(PROJECT, language) for message in catalogue):
        texts = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and (message.fuzzy or not all(texts)):
            found.append(str(message.id))
    return found


def uncollected(language: str) -> list[str]:
    """Texts in code and templates that no catalogue has; found on a copy, so that nothing here is changed."""
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
        known = {identity(message) for catalogue in catalogues(PROJECT, language) for message in catalogue}
        needed = {identity(message) for catalogue in catalogues(copy, language) for message in catalogue}
        return sorted(text for _context, text in needed - known)


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
