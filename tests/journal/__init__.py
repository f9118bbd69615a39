"""Tests of the journal, each on SQLite and on PostgreSQL."""
