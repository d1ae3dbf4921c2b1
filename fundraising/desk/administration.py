"""What every class of the administration has in common: rows of the person's legal entities only, and the trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import User
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from .. import trail
from ..models import LegalEntity
from ..vault import SealedTextField

HIDDEN: Final = "…"
LONGEST: Final = 300


class OfEntity:
    """Rows of the legal entities where the person has the right; a superuser sees all.

    `entity_path` leads from a row to its legal entity, in Django's notation; empty for what belongs to none.
    """

    entity_path: ClassVar[str] = "entity"
    model: type[Model]
    opts: Any

    def entity_ids(self, request: HttpRequest, verb: str) -> list[int] | None:
        """Where this person may view, add or change such rows; None for everywhere."""
        return entities_where(request, f"{self.opts.app_label}.{get_permission_codename(verb, self.opts)}")

    def only_where(self, request: HttpRequest, rows: QuerySet[Any], permission: str) -> QuerySet[Any]:
        """Those of the rows whose legal entity the person has this permission at."""
        ids = entities_where(request, permission) if self.entity_path else None
        return rows if ids is None else rows.filter(**{f"{self.entity_path}__in": ids})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # this class stands before ModelAdmin
        return self.only_where(request, rows, f"{self.opts.app_label}.{get_permission_codename('view', self.opts)}")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_change_permission(request, obj):  # type: ignore[misc]
            return False
        ids = self.entity_ids(request, "change") if self.entity_path else None
        entity = entity_of(obj, self.entity_path) if obj else None
        return obj is None or ids is None or (entity is not None and entity.pk in ids)

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any) -> Any:
        """Only rows of these legal entities are offered, and taken."""
        related = self.admin_site._registry.get(db_field.related_model)  # type: ignore[attr-defined]
        ids = self.entity_ids(request, "add") if self.entity_path else None
        if ids is not None and isinstance(related, OfEntity) and related.entity_path:
            rows = options.get("queryset") or db_field.related_model._default_manager.all()
            options["queryset"] = rows.filter(**{f"{related.entity_path}__in": ids})
        return super().formfield_for_foreignkey(db_field, request, **options)  # type: ignore[misc]


class Recorded:
    """What is added or changed by a form goes into the trail, field by field; sealed fields without their content."""

    entity_path: ClassVar[str]

    def construct_change_message(
        self, request: HttpRequest, form: forms.ModelForm[Any], formsets: Iterable[Any], add: bool = False
    ) -> Any:
        request._changes = changes(form, formsets)  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note("row_added", request, obj)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note("row_changed", request, obj)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Any]) -> Any:
        gone = list(queryset)
        for obj in gone:
            self.note("row_deleted", request, obj)
        return super().log_deletions(request, gone)  # type: ignore[misc]

    def named(self, obj: Any) -> str:
        """What the trail calls this row: by the id that the desk's pages know it by, too."""
        return f"{obj._meta.model_name}:{getattr(obj, 'uuid', obj.pk)}"

    def note(self, verb: str, request: HttpRequest, obj: Any) -> None:
        """A line of the trail about this row, with what the form has just changed, if one has."""
        assert isinstance(request.user, User)
        before, after = getattr(request, "_changes", ({}, {}))
        trail.record(
            verb,
            by=request.user,
            about=self.named(obj),
            entity=entity_of(obj, self.entity_path),
            before=before,
            after=after,
        )


class DeskAdmin(OfEntity, Recorded, ModelAdmin):  # type: ignore[misc]
    """A class of the administration with both."""


def entities_where(request: HttpRequest, permission: str) -> list[int] | None:
    """The legal entities where this person has the permission; None for a superuser, who has it everywhere."""
    user = request.user
    assert isinstance(user, User)
    if user.is_superuser:
        return None
    entities = LegalEntity.objects.filter(memberships__user=user).distinct()
    return [entity.pk for entity in entities if user.has_perm(permission, entity)]


def entity_of(row: Any, path: str) -> LegalEntity | None:
    """The legal entity that the path leads to from this row."""
    for name in path.split("__") if path and path != "pk" else []:
        row = getattr(row, name, None)
    return row if path and isinstance(row, LegalEntity) else None


def changes(form: forms.ModelForm[Any], formsets: Iterable[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after of every field that a form and its rows below have changed."""
    before, after = _of_form(form, "")
    for formset in formsets:
        for below in formset.forms:
            if below.has_changed() and below not in formset.deleted_forms:
                was, is_ = _of_form(below, f"{below.instance._meta.model_name}:{below.instance.pk}.")
                before |= was
                after |= is_
        for below in formset.deleted_objects if hasattr(formset, "deleted_objects") else []:
            before[f"{below._meta.model_name}"] = str(below)
    return before, after


def _of_form(form: forms.ModelForm[Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {}, {}
    for name in form.changed_data:
        if name not in form.cleaned_data:
            continue
        hidden = _is_secret(form, name)
        before[prefix + name] = HIDDEN if hidden else _plain(form.initial.get(name))
        after[prefix + name] = HIDDEN if hidden else _plain(form.cleaned_data[name])
    return before, after


def _is_secret(form: forms.ModelForm[Any], name: str) -> bool:
    fields: Mapping[str, Any] = {field.name: field for field in form.instance._meta.get_fields()}
    if isinstance(form.fields[name].widget, forms.PasswordInput) or "password" in name:
        return True
    return isinstance(fields.get(name), SealedTextField)


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)[:LONGEST]
