"""The schema of the database, step by step; alembic goes from the one found to the one of today."""
