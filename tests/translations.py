"""Check that every text of the project has its translation: `python -m tests.translations`.

Untranslated and doubtful (fuzzy) entries are found always; texts that never reached the catalogue, where GNU gettext
is installed (CI installs it). Italian is complete; the other languages hold what donors read, and staff read English
or Italian. `python -m tests.translations extract LANGUAGE…` brings catalogues up to date with the sources.
"""

import ast
import functools
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

PROJECT = Path(__file__).resolve().parent.parent
WHOLE = ("it",)  # English is the language of the source
DONORS = ("fr", "de", "es", "pt", "nl", "ru", "ar")
LANGUAGES = (*WHOLE, *DONORS)
# Sources whose texts only staff read. Of a model's texts donors read the names of choices, never those of fields.
STAFF_ONLY = (
    "config/*", "locale/*", "manage.py", "templates/desk/*", "templates/demo/*", "templates/account/*",
    "templates/allauth/*", "templates/mfa/*", "templates/admin/*", "templates/payments/end_mandate.html",
    "templates/payments/refund.html", "*/admin.py", "*/apps.py", "*/desk/*", "*/desk_*.py",
    "*exports.py", "*/exports/*", "*/trail_words.py", "*/problems.py", "fundraising/appeals/tables.py",
    "fundraising/seals/tables.py", "fundraising/spending/tables.py", "fundraising/bank/*",
    "fundraising/books/*", "fundraising/breaks/*", "fundraising/staff.py", "fundraising/roles.py",
    "fundraising/spending/partners.py", "payments/bank/*", "payments/breaks/*", "payments/sandbox/*",
    "receipts/documents/evidence.py", "receipts/years/filings.py", "receipts/papers/*",
    "templates/receipts/pdf/evidence.html",
    "fundraising/models/bank.py", "fundraising/models/books.py", "fundraising/models/breaks.py",
    "fundraising/models/entities.py", "fundraising/models/exports.py", "fundraising/models/ledger.py",
    "fundraising/models/notes.py", "fundraising/models/seals.py", "fundraising/models/staff.py",
    "fundraising/models/uploads.py", "payments/models/*", "receipts/models/gift_aid.py", "receipts/models/issuers.py",
    "receipts/models/mail.py",
    "receipts/models/runs.py", "receipts/models/sealing.py", "receipts/models/printing.py", "receipts/printing/*",
    "receipts/iati/codes.py", "receipts/models/iati.py",
    # Their papers are in the languages of their law, whatever the donor reads; what is translated is for the desk.
    "receipts/regimes/be/*", "receipts/regimes/ca/*", "receipts/regimes/de_bmf/*", "receipts/regimes/es_182/*",
    "receipts/regimes/fr_cerfa/*", "receipts/regimes/it_ets/*",
)  # fmt: skip
MODELS = "*/models/*.py"
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
            catalogues.append(read_po(file, locale=language))
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


def is_for_donors(message: Message) -> bool:
    """Whether a text stands somewhere that donors read."""
    return any(_read_by_donors(path, line or 0) for path, line in message.locations)


def _read_by_donors(path: str, line: int) -> bool:
    if any(fnmatch(path, pattern) for pattern in STAFF_ONLY):
        return False
    return not fnmatch(path, MODELS) or any(first <= line <= last for first, last in _choices(path))


@functools.cache
def _choices(path: str) -> list[tuple[int, int]]:
    """Where in a module of models the classes of choices stand."""
    tree = ast.parse((PROJECT / path).read_text())
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in classes
        if any("Choices" in ast.unparse(base) for base in node.bases)
    ]


def wanted(language: str, catalogue: Catalog) -> list[Message]:
    """The messages that a language must have."""
    return [one for one in catalogue if one.id and (language in WHOLE or is_for_donors(one))]


def extract(language: str) -> int:
    """Write the language's catalogue anew from the sources, with the translations there are; return how many lack."""
    with tempfile.TemporaryDirectory() as directory:
        (catalogue,) = _extracted(language, Path(directory))
        keep = {identity(message) for message in wanted(language, catalogue)}
        for message in [one for one in catalogue if one.id and identity(one) not in keep]:
            catalogue.delete(message.id, message.context)
        catalogue.obsolete.clear()
        catalogue.fuzzy, catalogue.locale = False, language  # the header that gettext makes
        catalogue.project, catalogue.version, catalogue.header_comment = "OpenAppeal", "1", "# Translations."
    target = PROJECT / "locale" / language / "LC_MESSAGES" / "django.po"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        write_po(file, catalogue, width=120, sort_by_file=True, include_lineno=False)
    return len(untranslated(language))


def uncollected(language: str) -> list[str]:
    """Texts in code and templates that no catalogue has; found on a copy, so that nothing here is changed."""
    with tempfile.TemporaryDirectory() as directory:
        known = {identity(message) for catalogue in catalogues(PROJECT, language) for message in catalogue}
        found = _extracted(language, Path(directory))
        needed = {identity(message) for catalogue in found for message in wanted(language, catalogue)}
        return sorted(text for _context, text in needed - known)


def _extracted(language: str, copy: Path) -> list[Catalog]:
    """The catalogues that GNU gettext makes of a copy of the sources."""
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy / name)
    command = [sys.executable, "-m", "django", "makemessages", "-l", language, "--no-obsolete"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    return catalogues(copy, language)


def main() -> int:
    """Print what is missing; return an exit code."""
    if sys.argv[1:2] == ["extract"]:
        for language in sys.argv[2:] or LANGUAGES:
            print(f"{language}: {extract(language)} to translate")
        return 0
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
