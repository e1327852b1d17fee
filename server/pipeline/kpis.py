"""Key figures of loyalty by their textbook formulas; pure, and total: None where a formula has nothing to divide by.

Percentages are 0 to 100. Every count is of customers unless it says otherwise.
"""

from __future__ import annotations


def retention_rate(start: int, end: int, new: int) -> float | None:
    """CRR = (E - N) / S x 100: of those who were customers at the start, how many still are."""
    return (end - new) / start * 100 if start else None


def churn_rate(start: int, lost: int) -> float | None:
    """Churn = C / S x 100: of those who were customers at the start, how many were lost."""
    return lost / start * 100 if start else None


def repeat_rate(repeating: int, total: int) -> float | None:
    """Repeat / total x 100: of all who bought, how many did so more than once."""
    return repeating / total * 100 if total else None


def average_order_value(revenue_minor: int, orders: int) -> float | None:
    """AOV = revenue / orders, in minor units."""
    return revenue_minor / orders if orders else None


def frequency(orders: int, customers: int) -> float | None:
    """Orders / customers, within a period."""
    return orders / customers if customers else None


def lifespan(churn: float | None) -> float | None:
    """1 / churn: for how many periods somebody stays a customer, if they go on leaving as in this one."""
    return 100 / churn if churn else None


def lifetime_value(order_value: float | None, often: float | None, periods: float | None) -> float | None:
    """CLV = AOV x frequency x lifespan, in minor units."""
    if order_value is None or often is None or periods is None:
        return None
    return order_value * often * periods


def promoter_score(promoters: int, detractors: int, answers: int) -> float | None:
    """NPS = % promoters (9-10) - % detractors (0-6), of answers from 0 to 10: from -100 to 100."""
    return (promoters - detractors) / answers * 100 if answers else None


def visits_a_week(visits: int, visitors: int) -> float | None:
    """Visits of weeks / visitors of weeks: how often those who come in a week come in it."""
    return visits / visitors if visitors else None
