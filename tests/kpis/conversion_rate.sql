-- by: device
-- variants: by_visit by_campaign_visit
with given as (
    select slot(started_at) as period, case when getvariable('dimension') = 'device' then device end as dim,
        case when getvariable('variant') is null then visitor_id else id end as one, converted_at
    from seen
    where asked(started_at) and (getvariable('variant') is distinct from 'by_campaign_visit' or campaign is not null)
),
judged as (select period, dim, one, bool_or(converted_at is not null) as bought from given group by 1, 2, 3)
select period, dim, 100.0 * count(*) filter (bought) / count(*) as value, count(*) as n, 0 as pending
from judged group by 1, 2
