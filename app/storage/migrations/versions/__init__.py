"""One module a migration. Each names the tables as they were then, and imports nothing of ``app.storage.tables``."""
