"""A migration that makes tables and nothing else. Django takes no module for a migration whose name begins so."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class Tables(migrations.Migration):
    """Makes all its tables, then looks at them once.

    Django renders every related model anew after each operation, and nearly all of ours are related: a hundred tables cost
    six thousand models, and three quarters of the time. Operations that only create tables do not need what was before.
    """

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        before = project_state.clone()
        project_state.__dict__.pop("apps", None)  # so that it is rendered by the first table, with all the others
        self.mutate_state(project_state, preserve=False)
        for operation in self.operations:
            operation.database_forwards(self.app_label, schema_editor, before, project_state)
        return project_state
