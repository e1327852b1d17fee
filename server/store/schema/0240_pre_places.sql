-- Places by where they are: what of them lies in a part of the map, however many there are elsewhere.

-- The rectangle of longitudes (x) and latitudes (y) that an area lies in. A ring over the antimeridian is taken the short way
-- round, so that its rectangle reaches beyond 180; a search asks for its part of the map once more on either side.
CREATE FUNCTION area_extent(geometry jsonb) RETURNS box LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN max(x) - min(x) > 180 AND max(short) - min(short) < 180
        THEN box(point(min(short), min(y)), point(max(short), max(y)))
        ELSE box(point(min(x), min(y)), point(max(x), max(y))) END
    FROM (
        SELECT (at ->> 0)::float8 AS x, (at ->> 1)::float8 AS y,
               (at ->> 0)::float8 + CASE WHEN (at ->> 0)::float8 < 0 THEN 360 ELSE 0 END AS short
        FROM jsonb_path_query(geometry, CASE geometry ->> 'type' WHEN 'Polygon' THEN 'strict $.coordinates[*][*]'
                                                                 ELSE 'strict $.coordinates[*][*][*]' END::jsonpath) AS at
    ) AS positions
$$;

-- Kept in a column: a circle's costs next to nothing where it is written, and nothing where it is looked for.
ALTER TABLE geofences ADD COLUMN extent box GENERATED ALWAYS AS (
    CASE WHEN geometry IS NULL THEN
        box(point(lon - least(180, radius_m / (111320 * greatest(cosd(lat), 0.0001))), lat - radius_m / 110574),
            point(lon + least(180, radius_m / (111320 * greatest(cosd(lat), 0.0001))), lat + radius_m / 110574))
    ELSE area_extent(geometry) END
) STORED;

CREATE INDEX geofences_where ON geofences USING gist (extent) WHERE deleted_at IS NULL;
CREATE INDEX geofences_tags ON geofences USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX stores_where ON stores USING gist (point(lon, lat)) WHERE deleted_at IS NULL;
CREATE INDEX stores_tags ON stores USING gin (tags) WHERE deleted_at IS NULL;
