"""The migrations of the journal's schema, run by ``app.storage.schema``. A migration that was released is never edited."""
