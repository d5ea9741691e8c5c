-- by: region
-- variants: mean rescaled good_minus_bad as_zendesk as_chatwoot
with given as (
    select r.*, slot(r.answered_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || r.customer_id, 's' || r.submission_id, r.id) as who
    from responses r
    left join people c on c.source_id = r.customer_id and held(r.answered_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(r.account_id, c.account_id) and held(r.answered_at, a.valid_from, a.valid_to)
    where r.kind = 'csat' and r.score is not null and r.scale_min = 1 and r.scale_max = 5 and asked(r.answered_at)
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case getvariable('variant')
        when 'mean' then avg(score)
        when 'rescaled' then (avg(score) - 1) / 4 * 100
        when 'good_minus_bad' then 100.0 * (count(*) filter (score in (4, 5)) - count(*) filter (score in (1, 2))) / count(*)
        else 100.0 * count(*) filter (score in (4, 5)) / count(*) end as value,
    count(*) as n, 0 as pending, count(distinct who) as units
from given group by 1, 2
