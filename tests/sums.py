"""The sums of reports made anew from their cells, by the very statements with which a migration made them first.

Millions of cells are summed up more quickly, a cut from a finer one: a test holds that it comes to the same.
"""

from __future__ import annotations

from typing import Final

from server.store.cube import SUMS
from server.store.cuts import CUTS, HOUR, KEYS, NO_LEAD, Cut
from server.store.funnel import MOST_CUSTOMERS
from server.store.lift import Sums
from server.store.migrate import SCHEMA
from server.store.pool import Connection

_MADE = [
    (SCHEMA / name).read_text("utf-8")
    for name in ("0203_pre_sums.sql", "0230_pre_word_sums.sql", "0232_pre_place_sums.sql")
]
BACKFILL = "\n".join(made[made.index("CREATE TEMPORARY TABLE") :] for made in _MADE)


async def sum_up(db: Connection) -> None:
    """Make the sums anew, for cells that a test wrote itself."""
    async with db.transaction():
        await db.execute("LOCK TABLE funnel_cells, lift_cells IN SHARE ROW EXCLUSIVE MODE")  # a house may be at work
        await db.execute("DELETE FROM funnel_sums; DELETE FROM lift_sums")
        await db.execute(BACKFILL)


_BLANK: Final = {
    **dict.fromkeys(("offer_id", "place_id"), f"'{NO_LEAD}'::uuid"),
    **dict.fromkeys(("channel", "placement", "variant", "weather"), "''"),
    "local_day": "date '1970-01-01'",
    **dict.fromkeys(("local_hour", "weekday"), "-1::smallint"),
}
_COUNTS: Final = {"funnel": SUMS, "lift": Sums._fields[3:]}
_PEOPLE: Final = "CREATE AGGREGATE pg_temp.together (bigint[]) (sfunc = array_cat, stype = bigint[])"


async def sum_up_by_cuts(db: Connection) -> None:
    """Sum up where there are no sums yet: each cut from the one that is next to it, the finest from the cells."""
    await db.execute(_PEOPLE)
    made: list[Cut] = []
    for cut in sorted(CUTS, key=lambda cut: (cut.step, -len(cut.keeps))):
        fit = [each for each in made if each.keeps >= cut.keeps]
        source = max(fit, key=lambda each: (each.step, -len(each.keeps)), default=None)
        for kind in ("funnel", "lift"):
            await db.execute(summing(kind, cut, source))
        made.append(cut)


def summing(kind: str, cut: Cut, source: Cut | None) -> str:
    """Write the statement that sums up a cut from another one or from the cells."""
    table, at = (f"{kind}_cells", "slot") if source is None else (f"{kind}_sums", "at")
    kept = {
        "cut": f"{cut.number}::smallint",
        "lead": cut.lead or _BLANK["offer_id"],
        "at": f"date_bin('{round(cut.step / HOUR)} hours', {at}, timestamptz '2000-01-01 00:00:00+00')",
        **{name: name if name in cut.keeps else blank for name, blank in _BLANK.items()},
        "currency": "currency",
    }
    keys = [*KEYS, *(["held_out"] if kind == "lift" else [])]
    counts = [*_COUNTS[kind], *(["customers"] if kind == "funnel" else [])]
    sums = [f"sum({name}) AS {name}" for name in _COUNTS[kind]]
    told = list(_COUNTS[kind])
    if kind == "funnel":
        sums.append("pg_temp.together(customers) AS customers")
        told.append(f"""CASE WHEN cardinality(customers) < 2 THEN customers
                   ELSE ARRAY(SELECT DISTINCT u FROM unnest(customers) AS u LIMIT {MOST_CUSTOMERS}) END""")
    wanted = [] if source is None else [f"cut = {source.number}"]
    if kind == "lift" and "offer_id" not in cut.keeps:  # the programme's own trial is in sums by offers alone
        wanted.append("offer_id <> '00000000-0000-0000-0000-000000000000'")
    return f"""
INSERT INTO {table.partition("_")[0]}_sums ({", ".join([*keys, *counts])})
SELECT {", ".join([*keys, *told])} FROM (
    SELECT {", ".join([*(f"{kept.get(key, key)} AS {key}" for key in keys), *sums])} FROM {table}
    {"WHERE " + " AND ".join(wanted) if wanted else ""} GROUP BY {", ".join(str(each + 1) for each in range(len(keys)))}
) AS s
"""
