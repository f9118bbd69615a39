"""The migrations of the journal's schema, run by ``app.journal.schema``. A migration that was released is never edited."""
