"""How far apart two points are: cheap where a proven bound allows it, the geodesic itself where it does not.

The ellipsoid is WGS 84 and geopy's geodesic is the truth. It costs some hundred microseconds, so a flat formula
answers first: the metre lengths of a degree, taken at the middle latitude, and Pythagoras. Against the geodesic its
relative error stays under 1.14e-15·d²·sec²φ (d in metres, d ≤ 50 km, |φ| ≤ 85°), so `within` asks the geodesic only
in a band of 3e-15·d²·sec²φ + 2e-9 around the edge and is then never wrong.
Beyond 50 km, beyond 85° and across the antimeridian nobody guesses: the geodesic answers.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final, NamedTuple

from geopy.distance import geodesic

from server.model.place import Point

EQUATOR_M: Final = 6_378_137.0  # WGS 84, semi-major axis
FLATTENING: Final = 1 / 298.257223563
E2: Final = FLATTENING * (2 - FLATTENING)
FLAT_MAX_M: Final = 50_000.0  # the bound of the flat formula was measured up to here …
FLAT_MAX_LAT: Final = 85.0  # … and up to here
DEGREE_LAT_MIN_M: Final = 110_574.0  # a degree of latitude is nowhere shorter (110,574.27 m at the equator)
DEGREE_LON_EQUATOR_M: Final = 111_319.49  # a degree of longitude is nowhere shorter than this times cos φ
SPHERE_ERROR: Final = 0.006  # a sphere of the mean radius is at most 0.56 % off
BAND_RELATIVE: Final = 2e-9  # the geodesic's own rounding at the smallest fences
BAND_M: Final = 3e-8  # … and for lengths near nothing: twice the 15 nm that it claims for itself

_RAD: Final = radians(1.0)
MEAN_RADIUS_M: Final = 6_371_008.8
_BAND_CURVED: Final = 3e-15  # 2.6 times the measured 1.14e-15 per square metre
_M2: Final = (EQUATOR_M * (1 - E2) * _RAD) ** 2
_N2: Final = (EQUATOR_M * _RAD) ** 2
_A1: Final = 3 * E2 * _RAD / 2
_A2: Final = 3 * E2 * (_RAD / 2) ** 2
_A3: Final = 6 * E2 * E2 * (_RAD / 2) ** 2
_B1: Final = -(1 - E2) * _RAD / 2
_B2: Final = -(1 - E2) * (_RAD / 2) ** 2
_B3: Final = -(1 - E2) * E2 * (_RAD / 2) ** 2


class Metric(NamedTuple):
    """The lengths of a degree around one latitude, without trigonometry for each further point.

    `d² = dy²·(a0 + a1·dy + a2·dy²) + dx²·(b0 + b1·dy + b2·dy²)` with `dx`, `dy` in degrees from the point the metric
    was made for and d in metres: the middle latitude is in the polynomials. `curve` · d² + 2e-9 is the relative error
    that must be reckoned with.
    """

    a0: float
    a1: float
    a2: float
    b0: float
    b1: float
    b2: float
    curve: float

    def square(self, dx: float, dy: float) -> float:
        """The squared distance in m² to the point `dx` degrees of longitude and `dy` of latitude away."""
        return dy * dy * (self.a0 + dy * (self.a1 + dy * self.a2)) + dx * dx * (self.b0 + dy * (self.b1 + dy * self.b2))

    def band(self, metres: float) -> float:
        """How far from the truth (m) a distance of `metres` may be, with room to spare."""
        return metres * (self.curve * metres * metres + BAND_RELATIVE) + BAND_M


def metric_at(lat: float) -> Metric:
    """The metric around a latitude (degrees, |lat| ≤ 85 for its bound to hold)."""
    double = 2 * lat * _RAD
    s, c = sin(double), cos(double)
    cos2 = (1 + c) / 2
    v = 1 / (1 - E2 + E2 * cos2)
    v2 = v * v
    m = _M2 * v2 * v
    n = _N2 * v
    # Taylor series of M² and (N cos φ)² in the latitude, taken at half the way (hence halves), up to the square.
    return Metric(
        m,
        m * _A1 * s * v,
        m * (_A2 * c * v + _A3 * s * s * v2),
        n * cos2,
        n * _B1 * s * v,
        n * (_B2 * c * v + _B3 * s * s * v2),
        _BAND_CURVED / max(cos2, 1e-12),
    )


_EARTH: Final = geodesic()  # WGS 84; one for all questions, for a new one would first work out the ellipsoid's series


def geodesic_m(a: Point, b: Point) -> float:
    """The length in metres of the shortest way over the ellipsoid: the oracle, some hundred microseconds."""
    return float(_EARTH.measure((a.lat, a.lon), (b.lat, b.lon))) * 1000


def sphere_m(a: Point, b: Point) -> float:
    """The great circle in metres, at most `SPHERE_ERROR` off: to rule out what is far away."""
    lat_a, lat_b = a.lat * _RAD, b.lat * _RAD
    hav = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((b.lon - a.lon) * _RAD / 2) ** 2
    return 2 * MEAN_RADIUS_M * asin(min(1.0, sqrt(hav)))


def flat_m(a: Point, b: Point) -> float | None:
    """The flat formula in metres, or None where its bound does not hold."""
    dx, dy = b.lon - a.lon, b.lat - a.lat
    if max(abs(a.lat), abs(b.lat)) > FLAT_MAX_LAT or abs(dx) > 180 or abs(dy) > 0.5:
        return None
    cos2 = cos((a.lat + b.lat) * 0.5 * _RAD) ** 2
    w2 = 1 / (1 - E2 + E2 * cos2)
    square = EQUATOR_M * EQUATOR_M * _RAD * _RAD * w2 * (dx * dx * cos2 + (dy * (1 - E2) * w2) ** 2)
    return sqrt(square) if square <= FLAT_MAX_M * FLAT_MAX_M else None


def distance_m(a: Point, b: Point) -> float:
    """Metres between two points, good to 1.14e-15·d³·sec²φ m (0.1 mm at 5 km in Central Europe), exact beyond 50 km."""
    flat = flat_m(a, b)
    return geodesic_m(a, b) if flat is None else flat


_SPHERE_ROUNDING_M: Final = 1e-6  # a pole has many longitudes; the sphere finds some 1e-10 m between them


def within(a: Point, b: Point, radius_m: float) -> bool:
    """Whether the geodesic between two points is at most `radius_m` long: exactly what the geodesic would say."""
    if abs(b.lat - a.lat) * DEGREE_LAT_MIN_M > radius_m + BAND_M:
        return False
    flat = flat_m(a, b)
    if flat is None:
        at_least = sphere_m(a, b) * (1 - SPHERE_ERROR) - _SPHERE_ROUNDING_M
        return at_least <= radius_m and geodesic_m(a, b) <= radius_m
    if abs(flat - radius_m) > band_m(flat, max(abs(a.lat), abs(b.lat))):
        return flat < radius_m
    return geodesic_m(a, b) <= radius_m


def band_m(metres: float, lat: float) -> float:
    """How far from the geodesic (m) the flat formula may be at a distance and latitude."""
    return metres * (_BAND_CURVED * metres * metres / cos(lat * _RAD) ** 2 + BAND_RELATIVE) + BAND_M
