"""Forms of django-allauth that begin otherwise here. Apart from sign_in.py: forms need the apps to be ready."""

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm


class AddKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new key is a passkey, which signs in alone, unless somebody says otherwise."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["passwordless"].initial = True
