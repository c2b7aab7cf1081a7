"""`python -m bench.engine_table`: write the table of engines into docs/engines.md."""

from __future__ import annotations

from bench.engine_table import runs, table


def main() -> None:
    """Write the table."""
    page = table.PAGE.read_text("utf-8")
    table.PAGE.write_text(table.with_table(page, runs.read()), "utf-8")


if __name__ == "__main__":
    main()
